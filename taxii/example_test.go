package taxii_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/comity-net/comity/taxii"
)

func ExampleFormatTime() {
	fmt.Println(taxii.FormatTime(time.Date(2026, 1, 31, 13, 0, 0, 0, time.FixedZone("", 3600))))
	// Output: 2026-01-31T12:00:00.000000Z
}

func ExampleParseTime() {
	for _, s := range []string{"2026-01-31", "2026-01-31 13:00:00.5+01:00", "last week"} {
		t, ok := taxii.ParseTime(s)
		fmt.Println(ok, taxii.FormatTime(t))
	}
	// Output:
	// true 2026-01-31T00:00:00.000000Z
	// true 2026-01-31T12:00:00.500000Z
	// false 0001-01-01T00:00:00.000000Z
}

func ExampleClient_Pull() {
	ctx := context.Background()
	c, err := taxii.NewClient("https://taxii.example.org/taxii2/", taxii.ClientOptions{
		HTTP: &http.Client{Timeout: time.Minute}, User: "kz", Password: "secret",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var resume taxii.Resume // as kept after the last pull
	pull := taxii.Pull{Root: "/taxii2/api1/", Collection: "91a7b528-80eb-42ed-a74d-c6fbd5a26116", Resume: resume, Limit: 1000}
	for batch, err := range c.Pull(ctx, pull) {
		if err != nil {
			fmt.Println(err) // what came before stands
			return
		}
		for _, raw := range batch.Objects {
			fmt.Printf("%s\n", raw) // store it
		}
		resume = batch.Resume // and then keep this
	}
}

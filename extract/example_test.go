package extract_test

import (
	"fmt"

	"github.com/comity-net/comity/extract"
)

func ExampleFind() {
	for _, f := range extract.Find("C2: hxxps://evil[.]example/a and 198[.]51[.]100[.]3", extract.Limits{}) {
		fmt.Println(f.Value.Kind, f.Value.Text, "from", f.Raw)
	}
	// Output:
	// url https://evil.example/a from hxxps://evil[.]example/a
	// ipv4 198.51.100.3 from 198[.]51[.]100[.]3
}

func ExampleGuess() {
	v, _ := extract.Guess("EVIL[.]Example.COM")
	fmt.Println(v.Kind, v.Text)
	// Output: domain evil.example.com
}

package web

import "testing"

func BenchmarkPages(b *testing.B) {
	h := newWeb(b, &fake{full: true, many: 150})
	for name, path := range map[string]string{"overview": "/", "object150": "/objects/" + string(objectID), "agreement": "/agreements/x", "objects": "/objects"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if rec := hit(h, "admin", "GET", path, "ar", ""); rec.Code != 200 {
					b.Fatal(rec.Code)
				}
			}
		})
	}
}

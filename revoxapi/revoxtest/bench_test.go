package revoxtest

import (
	"testing"
	"time"
)

func BenchmarkRows(b *testing.B) {
	for name, w := range map[string]Weight{"realistic": Realistic, "light": Light, "heavy": Heavy} {
		b.Run(name, func(b *testing.B) {
			clock := NewClock(monday.Add(7 * 24 * time.Hour))
			c := newLiving(Campaign{ID: "c", Rows: 1000, Start: monday, Weight: w}, 1, style{}, clock.Now(), nil)
			e := encoder{}
			ms := c.advance(clock.Now())
			for b.Loop() {
				e.b = e.b[:0]
				for i := range c.len() {
					c.appendRow(&e, i, ms)
				}
			}
			b.SetBytes(int64(len(e.b)))
		})
	}
}

func BenchmarkLife(b *testing.B) {
	clock := NewClock(monday.Add(7 * 24 * time.Hour))
	for b.Loop() {
		c := newLiving(Campaign{ID: "c", Rows: 10_000, Start: monday, Weight: Light}, 1, style{}, clock.Now(), nil)
		c.advance(clock.Now())
	}
}

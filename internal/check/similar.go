package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
)

// maxSimilar is how many campaigns are suggested for one that does not exist.
const maxSimilar = 3

// similar names the listed campaigns that may have been meant by id, nearest first.
func similar(id string, list []campaigns.Campaign) string {
	type candidate struct {
		campaigns.Campaign
		distance int
	}
	wanted := fold(id)
	var candidates []candidate
	for _, c := range list {
		distance := min(apart(wanted, fold(c.ID)), apart(wanted, fold(c.Name)))
		if distance <= max(1, len([]rune(wanted))/3) {
			candidates = append(candidates, candidate{c, distance})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, c := range candidates[:min(len(candidates), maxSimilar)] {
		names = append(names, fmt.Sprintf("%s (%s)", fit(printable(c.ID), 64), fit(printable(c.Name), 40)))
	}
	return strings.Join(names, ", ")
}

// fold keeps only what people usually type right: letters and digits, in lower case. It ignores what is longer than an
// ID can be.
func fold(text string) string {
	text = strings.ToLower(text[:min(len(text), 256)])
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_,.:;\"'()", r) {
			return -1
		}
		return r
	}, text)
}

// apart returns how far one text is from another: how many characters to change, add or remove, or 1 if one begins with
// the other and has at least four bytes.
func apart(a, b string) int {
	if a == b {
		return 0
	}
	if min(len(a), len(b)) >= 4 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) {
		return 1
	}
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range y {
			changed := diagonal
			if r != s {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}

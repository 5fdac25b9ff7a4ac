package sim

import (
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// People and what is known of them. All of it is made up from the seed: nothing here is anybody's. The texts are JSON
// already.

var firstNames = []string{
	"Anouk", "Benoît", "Carmen", "Dagny", "Émile", "Farid", "Greta", "Haruto", "Inés", "Jonas", "Kofi", "Léa",
	"Mireille", "Nikolaï", "Oluwaseun", "Petra", "Quentin", "Rosalía", "Søren", "Tomasz", "Ursula", "Victor", "Wanda", "Yuki", "Zoé",
}

var lastNames = []string{
	"Abernathy", "Beaumont", "Castellanos", "Dubois", "Eriksson", "Fitzgerald", "Grünwald", "Hashimoto", "Ivanova", "Jørgensen",
	"Kowalczyk", "Lefèvre", "Montgomery", "Nakamura", "O'Connell", "Papadopoulos", "Quiñones", "Rasmussen", "Sørensen", "Takahashi",
	"Underwood", "Vasconcelos", "Whitfield", "Yamaguchi", "Zimmermann",
}

var companies = []string{
	"Brightwater Roofing", "Cedar & Sons", "Delmare Optik", "Evergreen Dental", "Fjordlys Energi", "Granite Insurance", "Halden Logistics", "Ítaca Viajes",
}

// appendNumber writes the contact's phone number.
func (l *life) appendNumber(e *encoder, row int32) {
	d := l.dice(row, numberDice)
	d.Next() // says whether the number exists
	e.Raw(`"`)
	e.B = wire.AppendPhone(e.B, &d)
	e.Raw(`"`)
}

// appendInput writes what the user knows of the contact.
func (l *life) appendInput(e *encoder, row int32) {
	d := l.dice(row, inputDice)
	first, last := firstNames[d.Under(len(firstNames))], lastNames[d.Under(len(lastNames))]
	ref := d.Next()
	e.Raw(`{"full_name":"`)
	e.Raw(first)
	e.Raw(" ")
	e.Raw(last)
	e.Raw(`","customer_ref":"cust-`)
	e.B = wire.AppendHex(e.B, ref, 10)
	if l.spec.Weight == Light {
		e.Raw(`"}`)
		return
	}
	e.Raw(`","email":"contact.`)
	e.B = wire.AppendHex(e.B, ref>>8, 8)
	e.Raw(`@example.org","company":"`)
	e.Raw(companies[d.Under(len(companies))])
	e.Raw(`","last_order":"order-`)
	e.B = wire.AppendHex(e.B, d.Next(), 8)
	e.Raw(`","note":"prefers \"mornings\"; spoke to us about file `)
	e.B = wire.AppendHex(e.B, d.Next(), 8)
	e.Raw(`"}`)
}

// appendMetadata writes the call's metadata, which not all calls have.
func (l *life) appendMetadata(e *encoder, row int32) {
	d := l.dice(row, inputDice)
	switch n := d.Next(); n % 8 {
	case 0:
	case 1:
		e.Raw(`,"metadata":null`)
	default:
		e.Raw(`,"metadata":{"crm_id":"crm-`)
		e.B = wire.AppendHex(e.B, n>>16, 12)
		e.Raw(`","source_list":"import-`)
		e.B = wire.AppendHex(e.B, n>>40, 6)
		e.Raw(`"}`)
	}
}

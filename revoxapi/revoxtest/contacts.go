package revoxtest

// People and what is known of them. All of it is made up from the seed: nothing
// here is anybody's. The texts are JSON already.

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

var dialPrefixes = []string{"+1202", "+1415", "+3363", "+4930", "+81905", "+6149", "+44794"}

// appendNumber writes the contact's phone number.
func (l *life) appendNumber(e *encoder, row int32) {
	d := l.dice(row, numberDice)
	d.next() // says whether the number exists
	e.raw(`"`)
	e.b = appendPhone(e.b, &d)
	e.raw(`"`)
}

func appendPhone(b []byte, d *dice) []byte {
	b = append(b, dialPrefixes[d.under(len(dialPrefixes))]...)
	for n, i := d.next()>>20, 0; i < 7; i++ {
		b = append(b, byte('0'+n%10))
		n /= 10
	}
	return b
}

// appendInput writes what the user knows of the contact.
func (l *life) appendInput(e *encoder, row int32) {
	d := l.dice(row, inputDice)
	first, last := firstNames[d.under(len(firstNames))], lastNames[d.under(len(lastNames))]
	ref := d.next()
	e.raw(`{"full_name":"`)
	e.raw(first)
	e.raw(" ")
	e.raw(last)
	e.raw(`","customer_ref":"cust-`)
	e.b = appendHex(e.b, ref, 10)
	if l.spec.Weight == Light {
		e.raw(`"}`)
		return
	}
	e.raw(`","email":"contact.`)
	e.b = appendHex(e.b, ref>>8, 8)
	e.raw(`@example.org","company":"`)
	e.raw(companies[d.under(len(companies))])
	e.raw(`","last_order":"order-`)
	e.b = appendHex(e.b, d.next(), 8)
	e.raw(`","note":"prefers \"mornings\"; spoke to us about file `)
	e.b = appendHex(e.b, d.next(), 8)
	e.raw(`"}`)
}

// appendMetadata writes the call's metadata, which not all calls have.
func (l *life) appendMetadata(e *encoder, row int32) {
	d := l.dice(row, inputDice)
	switch n := d.next(); n % 8 {
	case 0:
	case 1:
		e.raw(`,"metadata":null`)
	default:
		e.raw(`,"metadata":{"crm_id":"crm-`)
		e.b = appendHex(e.b, n>>16, 12)
		e.raw(`","source_list":"import-`)
		e.b = appendHex(e.b, n>>40, 6)
		e.raw(`"}`)
	}
}

package ledger

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tailrace/tailrace/capture"
)

// Header is a header of a record.
type Header struct{ Name, Value string }

// ObserveEvent reads a record that a block has made, as format = "cloudevents" writes it. It keeps value. The table of the observation
// is the record's topic, and its payload is the value with all headers, in their order. The position is that of the headers lsn and
// ce_id, if they have one.
func ObserveEvent(p Partition, offset int64, key, value []byte, headers []Header) (Observation, error) {
	o := Observation{Partition: p, Offset: offset, Key: string(key), Op: "event", Table: p.Topic, Row: value}
	o.Payload = append(o.Payload, value...)
	lsn, parent, state := "", "", ""
	for _, h := range headers {
		o.Payload = fmt.Appendf(o.Payload, "\x00%s=%s", h.Name, h.Value)
		switch h.Name {
		case "ce_id":
			o.ID = h.Value
		case "lsn":
			lsn = h.Value
		case "traceparent":
			parent = h.Value
		case "tracestate":
			state = h.Value
		}
	}
	if parent != "" || state != "" {
		o.Trace = parent + " " + state
	}
	if o.ID == "" {
		return o, fmt.Errorf("read event at %s@%d: it has no ce_id", p, offset)
	}
	if parts := strings.Split(o.ID, "/"); lsn == "" && len(parts) >= 5 { // pipeline/epoch/lsn/seq
		lsn = parts[2] + "/" + parts[3]
		o.Seq, _ = strconv.ParseUint(parts[4], 10, 64)
	}
	var err error
	if o.LSN, err = capture.ParseLSN(lsn); err != nil {
		return o, fmt.Errorf("read event at %s@%d: id %q: %w", p, offset, o.ID, err)
	}
	if err := json.Unmarshal(value, &o.Image); err != nil {
		return o, fmt.Errorf("read event at %s@%d: %w", p, offset, err)
	}
	return o, nil
}

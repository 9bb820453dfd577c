package kafkaconnect

import "github.com/IBM/sarama"

// Offsets requests the oldest or the newest offset of partitions.
func (k *Conn) Offsets(topic string, parts []int32, which int64) (map[int32]int64, error) {
	req := &sarama.OffsetRequest{Version: 5}
	for _, id := range parts {
		req.AddBlock(topic, id, which, 1)
	}
	r, err := k.GetAvailableOffsets(req)
	if err != nil {
		return nil, err
	}
	at := map[int32]int64{}
	for _, id := range parts {
		b := r.GetBlock(topic, id)
		if b == nil {
			return nil, sarama.ErrIncompleteResponse
		}
		if err := AsError(b.Err); err != nil {
			return nil, err
		}
		at[id] = b.Offset
	}
	return at, nil
}

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"github.com/tailrace/tailrace/internal/testenv"
)

// report prints the medians and the ratios of them.
func report(o options, ours, theirs []figure) {
	fmt.Printf("%-16s %12s %26s %8s %10s %8s\n", "", "rows/s", "(min - max)", "us/row", "walsender", "broker")
	a, b := line(o, "tailrace", ours), line(o, "pg_recvlogical", theirs)
	fmt.Printf("ratio: %.2f x the rows/s of pg_recvlogical into /dev/null\n", a/b)
}

func line(o options, name string, fs []figure) float64 {
	rate := func(f figure) float64 { return float64(o.rows) / f.took.Seconds() }
	perRow := func(d func(figure) time.Duration) float64 {
		return median(fs, func(f figure) float64 { return float64(d(f).Nanoseconds()) / 1e3 / float64(o.rows) })
	}
	all := make([]float64, len(fs))
	for i, f := range fs {
		all[i] = rate(f)
	}
	m := median(fs, rate)
	fmt.Printf("%-16s %12.0f %26s %8.2f %10.2f %8.2f   RSS %.0f MB\n", name, m,
		fmt.Sprintf("(%.0f - %.0f)", slices.Min(all), slices.Max(all)),
		perRow(func(f figure) time.Duration { return f.tool }),
		perRow(func(f figure) time.Duration { return f.walsender }),
		perRow(func(f figure) time.Duration { return f.broker }),
		median(fs, func(f figure) float64 { return float64(f.rss) / 1e6 }))
	return m
}

func median(fs []figure, of func(figure) float64) float64 {
	vs := make([]float64, len(fs))
	for i, f := range fs {
		vs[i] = of(f)
	}
	slices.Sort(vs)
	return vs[len(vs)/2]
}

// topic makes the topic of a run.
func (s *site) topic(name string) error {
	c := sarama.NewConfig()
	c.Version = testenv.KafkaVersion
	admin, err := sarama.NewClusterAdmin(s.kafka.Direct(), c)
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: int32(s.partitions), ReplicationFactor: 1}, false)
}

package tool

import "fmt"

// The types of a sink.
const (
	None   = "none"   // decoded, and dropped
	Stdout = "stdout" // JSON lines into /dev/null
	Kafka  = "kafka"
	Tables = "postgres" // of Job.Into
)

// JSONSchemas is a format that Debezium's JDBC sink can read: each record contains its schema.
const JSONSchemas = "json with schemas"

// Sink is the destination of the rows.
type Sink struct {
	Kind       string
	Partitions int    // of each topic
	Format     string // json, of tailrace also cloudevents, of Debezium also JSONSchemas
	Count      int    // of tailrace: number of sinks of the type; 0 is one
	OneTopic   bool   // all tables into one topic per sink, instead of one topic per table
	Creates    bool   // of tailrace: the sink creates the topics
	Blocks     string // of tailrace: blocks inside of the sink, such as rules
}

// String returns its name in tables.
func (s Sink) String() string {
	switch {
	case s.Kind == Stdout:
		return "/dev/null"
	case s.Kind == Tables:
		return "Postgres"
	case s.Kind != Kafka:
		return "nothing"
	case s.Partitions == 1:
		return fmt.Sprintf("Kafka, 1 partition, %s", s.Format)
	}
	return fmt.Sprintf("Kafka, %d partitions, %s", s.Partitions, s.Format)
}

// Topics returns the topics that the rows go to.
func (j *Job) Topics() (names []string) {
	if j.Sink.Kind != Kafka {
		return nil
	}
	if j.Sink.OneTopic {
		for i := range max(1, j.Sink.Count) {
			names = append(names, fmt.Sprintf("%s.all%d", j.Name, i))
		}
		return names
	}
	for _, t := range j.From.Tables {
		names = append(names, j.Name+".public."+t)
	}
	return names
}

func (j *Job) topics() error {
	if j.Sink.Kind != Kafka || j.Sink.Creates {
		return nil
	}
	return j.From.Site.Topics(j.Sink.Partitions, j.Topics()...)
}

// SPDX-License-Identifier: Apache-2.0

// Reads a topic as a service written in Go would: franz-go (read_committed), goavro, schemas from the registry by the id
// in each value. Prints a JSON line a message, by partition and offset.
//
//	reader BROKERS REGISTRY-URL TOPIC MESSAGES      ends with 1 when there are fewer (after 60 s) or more
//
// How values are printed: README.md beside this file.
package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

type object = map[string]interface{}

// What the registry knows under an id: goavro's decoder, and the schema's JSON for what goavro's values do not say.
type schema struct {
	codec *goavro.Codec
	json  interface{}
}

type reader struct {
	registry string
	client   http.Client
	schemas  map[uint32]*schema
}

func (r *reader) schema(id uint32) (*schema, error) {
	if known := r.schemas[id]; known != nil {
		return known, nil
	}
	response, err := r.client.Get(fmt.Sprintf("%s/schemas/ids/%d", r.registry, id))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("schema %d: %s %s", id, response.Status, body)
	}
	var answer struct{ Schema string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	s := &schema{}
	if s.codec, err = goavro.NewCodec(answer.Schema); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(answer.Schema), &s.json); err != nil {
		return nil, err
	}
	r.schemas[id] = s
	return s, nil
}

func (r *reader) decode(value []byte) (interface{}, error) {
	if value == nil {
		return nil, nil
	}
	if len(value) < 5 || value[0] != 0 {
		return nil, errors.New("a value without the registry's framing")
	}
	s, err := r.schema(binary.BigEndian.Uint32(value[1:]))
	if err != nil {
		return nil, err
	}
	native, rest, err := s.codec.NativeFromBinary(value[5:])
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, errors.New("bytes are left after the value")
	}
	return tagged(s.json, native)
}

// The name by which goavro tells branches of a union apart, without precision and scale.
func branchName(s interface{}) string {
	switch s := s.(type) {
	case string:
		return s
	case object:
		name, _ := s["type"].(string)
		if logical, ok := s["logicalType"].(string); ok {
			switch name + "." + logical {
			case "bytes.decimal", "int.date", "long.time-micros", "long.timestamp-micros":
				return name + "." + logical
			}
		}
		return name
	}
	return ""
}

func tagged(s, native interface{}) (interface{}, error) {
	if branches, ok := s.([]interface{}); ok {
		if native == nil {
			return nil, nil
		}
		for name, value := range native.(object) {
			for _, branch := range branches {
				if b := branchName(branch); b == name || (b == "bytes.decimal" && strings.HasPrefix(name, b)) {
					return tagged(branch, value)
				}
			}
			return nil, fmt.Errorf("no branch %s", name)
		}
	}
	logical, scale := "", 0
	if o, ok := s.(object); ok {
		logical, _ = o["logicalType"].(string)
		if f, ok := o["scale"].(float64); ok {
			scale = int(f)
		}
		switch o["type"] {
		case "record":
			return taggedRecord(o, native.(object))
		case "array":
			list := []interface{}{}
			for _, element := range native.([]interface{}) {
				t, err := tagged(o["items"], element)
				if err != nil {
					return nil, err
				}
				list = append(list, t)
			}
			return list, nil
		case "map":
			result := object{}
			for name, element := range native.(object) {
				t, err := tagged(o["values"], element)
				if err != nil {
					return nil, err
				}
				result[name] = t
			}
			return result, nil
		}
	}
	switch v := native.(type) {
	case nil, bool, int32:
		return v, nil
	case int64:
		if logical != "" {
			return object{logical: v}, nil
		}
		return v, nil
	case float32:
		return object{"float": fmt.Sprintf("%08x", math.Float32bits(v))}, nil
	case float64:
		return object{"double": fmt.Sprintf("%016x", math.Float64bits(v))}, nil
	case []byte:
		return object{"bytes": hex.EncodeToString(v)}, nil
	case *big.Rat:
		return object{"decimal": v.FloatString(scale)}, nil
	case time.Duration:
		return object{logical: v.Microseconds()}, nil
	case time.Time:
		if logical == "date" {
			return object{logical: floorDiv(v.Unix(), 86400)}, nil
		}
		return object{logical: v.UnixMicro()}, nil
	case string:
		if logical == "uuid" {
			return object{logical: v}, nil
		}
		return v, nil
	}
	return nil, fmt.Errorf("a value of %T", native)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func taggedRecord(s, native object) (interface{}, error) {
	result := object{}
	for _, f := range s["fields"].([]interface{}) {
		field := f.(object)
		name := field["name"].(string)
		t, err := tagged(field["type"], native[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		result[name] = t
	}
	return result, nil
}

func text(b []byte) interface{} {
	if b == nil {
		return nil
	}
	return string(b)
}

func (r *reader) line(message *kgo.Record) (string, error) {
	headers := object{}
	for _, h := range message.Headers {
		headers[h.Key] = text(h.Value)
	}
	value, err := r.decode(message.Value)
	if err != nil {
		return "", fmt.Errorf("partition %d, offset %d: %w", message.Partition, message.Offset, err)
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(object{"partition": message.Partition, "offset": message.Offset,
		"timestamp": message.Timestamp.UnixMilli(), "key": text(message.Key), "headers": headers, "value": value})
	return out.String(), err
}

func read(brokers, topic string, wanted int) ([]*kgo.Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var messages []*kgo.Record
	poll := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		fetches := client.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				return e.Err
			}
		}
		messages = append(messages, fetches.Records()...)
		return nil
	}
	for end := time.Now().Add(time.Minute); len(messages) < wanted && time.Now().Before(end); {
		if err := poll(time.Second); err != nil {
			return nil, err
		}
	}
	if err := poll(500 * time.Millisecond); err != nil {
		return nil, err
	}
	sort.Slice(messages, func(i, j int) bool {
		if messages[i].Partition != messages[j].Partition {
			return messages[i].Partition < messages[j].Partition
		}
		return messages[i].Offset < messages[j].Offset
	})
	return messages, nil
}

func run(brokers, registry, topic string, wanted int) error {
	messages, err := read(brokers, topic, wanted)
	if err != nil {
		return err
	}
	r := &reader{registry: registry, client: http.Client{Timeout: 20 * time.Second}, schemas: map[uint32]*schema{}}
	for _, message := range messages {
		line, err := r.line(message)
		if err != nil {
			return err
		}
		fmt.Print(line)
	}
	if len(messages) != wanted {
		return fmt.Errorf("%d messages, not %d", len(messages), wanted)
	}
	return nil
}

func main() {
	wanted, err := 0, errors.New("usage: reader BROKERS REGISTRY-URL TOPIC MESSAGES")
	if len(os.Args) == 5 {
		wanted, err = strconv.Atoi(os.Args[4])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], wanted); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

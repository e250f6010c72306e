// mochi in this process, in memory or with a bolt store: mochi PORT [FILE]
// A module of its own needs github.com/mochi-mqtt/server/v2: go mod init peer && go mod tidy && go build -o mochi .
package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/hooks/storage/bolt"
	"github.com/mochi-mqtt/server/v2/listeners"
)

func main() {
	s := mqtt.New(&mqtt.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	_ = s.AddHook(new(auth.AllowHook), nil)
	if len(os.Args) > 2 {
		if err := s.AddHook(new(bolt.Hook), &bolt.Options{Path: os.Args[2]}); err != nil {
			panic(err)
		}
	}
	if err := s.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: "127.0.0.1:" + os.Args[1]})); err != nil {
		panic(err)
	}
	if err := s.Serve(); err != nil {
		panic(err)
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
	<-c
	s.Close()
}

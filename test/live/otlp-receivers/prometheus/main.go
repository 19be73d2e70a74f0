// The OTLP receiver of Prometheus with its storage and its query engine: the packages that `prometheus
// --web.enable-otlp-receiver` consists of, without what it takes to scrape and to discover targets. Debian's Prometheus is
// built without its OTLP receiver.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"log/slog"
	"math"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
)

func main() {
	file := flag.String("config.file", "", "")
	path := flag.String("storage.tsdb.path", "", "")
	listen := flag.String("web.listen-address", "", "")
	flag.Bool("web.enable-otlp-receiver", true, "")
	flag.Parse()

	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	loaded, err := config.LoadFile(*file, false, logger)
	if err != nil {
		log.Fatal(err)
	}
	options := tsdb.DefaultOptions()
	if stored := loaded.StorageConfig.TSDBConfig; stored != nil {
		options.OutOfOrderTimeWindow = stored.OutOfOrderTimeWindow
	}
	db, err := tsdb.Open(*path, logger, nil, options, nil)
	if err != nil {
		log.Fatal(err)
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: math.MaxInt32, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})

	otlp := remote.NewOTLPWriteHandler(logger, nil, db, func() config.Config { return *loaded }, remote.OTLPOptions{
		LookbackDelta: 5 * time.Minute,
	})
	http.Handle("/api/v1/otlp/v1/metrics", otlp)
	http.HandleFunc("/-/ready", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		seconds, err := strconv.ParseFloat(r.FormValue("time"), 64)
		if err == nil {
			at := time.UnixMilli(int64(seconds * 1000))
			err = answer(r, w, engine, db, at)
		}
		if err != nil {
			json.NewEncoder(w).Encode(map[string]any{"status": "error", "error": err.Error()})
		}
	})
	go func() { log.Fatal(http.ListenAndServe(*listen, nil)) }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	db.Close()
}

func answer(r *http.Request, w http.ResponseWriter, engine *promql.Engine, db *tsdb.DB, at time.Time) error {
	query, err := engine.NewInstantQuery(r.Context(), db, nil, r.FormValue("query"), at)
	if err != nil {
		return err
	}
	defer query.Close()
	result := query.Exec(r.Context())
	if result.Err != nil {
		return result.Err
	}
	return json.NewEncoder(w).Encode(map[string]any{
		"status": "success",
		"data":   map[string]any{"resultType": result.Value.Type(), "result": result.Value},
	})
}

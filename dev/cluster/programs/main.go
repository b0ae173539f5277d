// Command programs has programs of a Kubernetes cluster in one file, for tests and demonstrations.
//
// It is a multi-call binary: the first argument names the component, the rest is that component's own command
// line. Built from the published modules, because that needs nothing but Go where downloading release binaries or
// images needs a registry; and twice, from this file and some of the others: dev/cluster/build.py says which.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	_ "time/tzdata" // CronJob time zones, on machines without a zone database

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// server makes a component's main out of the constructor of its command. The command is only built for the
// component asked for: building one sets defaults in global feature gates, which would leak into the others.
func server(command func() *cobra.Command) func() {
	return func() { os.Exit(cli.Run(command())) }
}

// components is filled by the other files.
var components = map[string]func(){}

func main() {
	if len(os.Args) > 1 {
		if run, known := components[os.Args[1]]; known {
			// Every component reads os.Args itself: give it the ones it would have as a binary of its own.
			os.Args = os.Args[1:]
			run()
			return
		}
	}
	names := make([]string, 0, len(components))
	for name := range components {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "usage: %s %s [argument...]\n", os.Args[0], strings.Join(names, "|"))
	os.Exit(2)
}

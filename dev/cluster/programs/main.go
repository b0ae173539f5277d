// Command control-plane is a Kubernetes control plane in one file, for tests and demonstrations.
//
// It is a multi-call binary: the first argument names the component, the rest is that component's own command
// line. One binary instead of six because they share nearly all of their packages, so that building them
// together takes hardly longer than the API server alone; and built from the published modules, because that
// needs nothing but Go where downloading release binaries or images needs a registry.
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
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// server makes a component's main out of the constructor of its command. The command is only built for the
// component asked for: building one sets defaults in global feature gates, which would leak into the others.
func server(command func() *cobra.Command) func() {
	return func() { os.Exit(cli.Run(command())) }
}

// components is extended in node_linux.go by what runs on a node, and in etcd_kubectl.go.
var components = map[string]func(){
	"kube-apiserver":          server(apiserver.NewAPIServerCommand),
	"kube-controller-manager": server(controllermanager.NewControllerManagerCommand),
	"kube-scheduler":          server(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
}

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

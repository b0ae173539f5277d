package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubectl with kubeconfigs that use an exec or OIDC plugin
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
)

// Compiled for the newest version only: its etcd and kubectl serve the API servers of the older ones too.
func init() {
	components["etcd"] = func() { etcdmain.Main(os.Args) }
	components["kubectl"] = runKubectl
}

// runKubectl does what cmd/kubectl of Kubernetes does; that package is a main and cannot be imported.
func runKubectl() {
	// Verbosity is needed before the flags are parsed: building the command already logs.
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}

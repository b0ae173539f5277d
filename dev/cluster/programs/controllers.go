package main

import (
	"github.com/spf13/cobra"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func init() {
	components["kube-controller-manager"] = server(controllermanager.NewControllerManagerCommand)
	components["kube-scheduler"] = server(func() *cobra.Command { return scheduler.NewSchedulerCommand() })
}

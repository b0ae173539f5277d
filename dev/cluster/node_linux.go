package main

import (
	"context"

	"github.com/spf13/cobra"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// A node's components need Linux; the control plane also builds elsewhere, which is why they are in this file.
func init() {
	components["kubelet"] = server(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) })
	components["kube-proxy"] = server(kubeproxy.NewProxyCommand)
}

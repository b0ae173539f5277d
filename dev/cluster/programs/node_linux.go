package main

import (
	"context"

	"github.com/spf13/cobra"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// A node's components need Linux; the control plane also builds elsewhere, which is why they are in this file.
func init() {
	components["kubelet"] = server(kubeletCommand)
	components["kube-proxy"] = server(kubeproxy.NewProxyCommand)
}

// kubeletCommand calls the constructor, which takes a context in newer versions of Kubernetes only.
func kubeletCommand() *cobra.Command {
	switch construct := any(kubelet.NewKubeletCommand).(type) {
	case func() *cobra.Command:
		return construct()
	case func(context.Context) *cobra.Command:
		return construct(context.Background())
	}
	panic("the kubelet's constructor has changed: say in node_linux.go how to call it")
}

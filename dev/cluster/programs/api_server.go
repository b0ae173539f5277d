package main

import apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"

func init() {
	components["kube-apiserver"] = server(apiserver.NewAPIServerCommand)
}

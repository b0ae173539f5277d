// Reads dashboards, named as arguments, with Grafana's own types: a field that they do not have, one that is missing, or a
// value of another type is a fault, in panels' options and queries too. Says each on a line, and exits 1.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	code := 0
	for _, file := range os.Args[1:] {
		for _, fault := range faults(file) {
			fmt.Println(fault)
			code = 1
		}
	}
	os.Exit(code)
}

func faults(file string) []string {
	raw, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}
	}
	read := dashboard.Dashboard{}
	// The library's list of no errors is an error without a text.
	if err := read.UnmarshalJSONStrict(raw); err != nil && err.Error() != "" {
		return strings.Split(err.Error(), "\n")
	}
	if err := read.Validate(); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return inFieldConfigs(raw)
}

// inFieldConfigs reads strictly what the dashboard's reading takes as it comes: panels' units, thresholds, overrides.
func inFieldConfigs(raw []byte) []string {
	var given struct {
		Panels []struct{ FieldConfig json.RawMessage }
	}
	if err := json.Unmarshal(raw, &given); err != nil {
		return []string{err.Error()}
	}
	var found []string
	for place, panel := range given.Panels {
		read := dashboard.FieldConfigSource{}
		if err := read.UnmarshalJSONStrict(panel.FieldConfig); err != nil && err.Error() != "" {
			found = append(found, fmt.Sprintf("panels[%d].fieldConfig.%s", place, err.Error()))
		}
	}
	return found
}

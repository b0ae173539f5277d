{{- /* The first PowerPolicy: whether it is made, its spec, and what is refused before anything is installed. */}}

{{/* What becomes of the first policy: off; there; others, where an upgrade finds other policies and adds none to them; or
made. Ends with a sentence where the one to be made is refused. */}}
{{- define "powercap.policy" -}}
{{- $known := .Capabilities.APIVersions.Has "powercap.dev/v1alpha1/PowerPolicy" }}
{{- if not .Values.policy.create }}off
{{- else if and $known (lookup "powercap.dev/v1alpha1" "PowerPolicy" "" .Values.policy.name) }}there
{{- else if and $known .Release.IsUpgrade (lookup "powercap.dev/v1alpha1" "PowerPolicy" "" "").items }}others
{{- else }}
{{- $_ := include "powercap.refusedPolicy" (include "powercap.policySpec" . | fromYaml) }}made
{{- end }}
{{- end }}

{{/* The policy's spec. */}}
{{- define "powercap.policySpec" -}}
{{- $policy := deepCopy .Values.policy }}
{{- $spec := dict "maxSource" $policy.maxSource "minPower" $policy.minPower "market" $policy.market }}
{{- if $policy.dryRun }}{{ $_ := set $spec "dryRun" true }}{{ end }}
{{- $spec = mergeOverwrite $spec ($policy.spec | default dict) }}
{{- range $field := list "maxSource" "minPower" }}
{{- $value := get $spec $field }}
{{- if and $value (not (kindIs "string" $value)) (gt (float64 $value) 100000.0) }}
{{- fail (printf "policy.%s: %v is more than 100 kW for one node. It is in watts: write \"140\", or 140000000u in microwatts" $field $value) }}
{{- end }}
{{- $_ := set $spec $field (toString ($value | default "")) }}
{{- end }}
{{- toYaml $spec }}
{{- end }}

{{/* Ends with a sentence where the API server would refuse the spec, as far as that is seen without it. What only the
server sees, it refuses when the policy is made, after everything else. */}}
{{- define "powercap.refusedPolicy" -}}
{{- if not .maxSource }}{{ fail (include "powercap.maxSourceMissing" .) }}{{ end }}
{{- $strategy := .strategy | default dict }}
{{- $otherwise := $strategy.otherwise | default dict }}
{{- include "powercap.refusedPower" (list "minPower" .minPower .maxSource false) }}
{{- with $strategy.power }}{{ include "powercap.refusedPower" (list "strategy.power" . $.maxSource true) }}{{ end }}
{{- with $otherwise.power }}{{ include "powercap.refusedPower" (list "strategy.otherwise.power" . $.maxSource true) }}{{ end }}
{{- range $strategy.windows }}{{ include "powercap.refusedPower" (list "a window's power" .power $.maxSource true) }}{{ end }}
{{- $type := $strategy.type | default "Volume" }}
{{- $providers := dig "market" "providers" (list "EPEX") . }}
{{- $priceOnly := list "EnergyCharts" "ENTSOE" }}
{{- if and (eq $type "Schedule") (eq ($otherwise.type | default "Volume") "Volume") }}{{ $type = "Volume" }}{{ end }}
{{- if and (eq $type "Volume") (not (without $providers "EnergyCharts" "ENTSOE" "CarbonIntensity")) }}
{{- fail (printf "policy.market.providers: none of %s has volumes, which strategy Volume needs: add EPEX, or set policy.spec.strategy.type=Price" (join ", " $providers)) }}
{{- end }}
{{- $coupled := and (eq (dig "market" "auction" "IDA1" .) "SDAC") (ne (dig "market" "area" "FR" .) "GB") }}
{{- if and (has $type (list "Price" "CheapestHours")) (not $coupled) (not (without $providers "EnergyCharts" "ENTSOE")) }}
{{- fail "policy.market.providers: EnergyCharts and ENTSOE have prices of the coupled day-ahead auction only: set policy.market.auction=SDAC (GB is not coupled), or add EPEX" }}
{{- end }}
{{- end }}

{{/* Ends with a sentence where a power cannot be a node's, or is above maxSource or not of its form. Called with (list
NAME POWER MAXSOURCE WHETHER-OF-ITS-FORM). Quantities written otherwise than with u, m or k are left to the server. */}}
{{- define "powercap.refusedPower" -}}
{{- $name := index . 0 }}
{{- $power := include "powercap.power" (index . 1) | fromYaml }}
{{- $max := include "powercap.power" (index . 2) | fromYaml }}
{{- range list (list $name $power (index . 1)) (list "maxSource" $max (index . 2)) }}
{{- $read := index . 1 }}
{{- if and (hasKey $read "watts") (or (lt $read.watts 1.0) (gt $read.watts 100000.0)) }}
{{- fail (printf "policy: %s is %v, and a node's power is from 1 W to 100000 W. To lift the caps set policy.spec.suspend=true" (index . 0) (index . 2)) }}
{{- end }}
{{- end }}
{{- range $form := list "watts" "percent" }}
{{- if and (hasKey $power $form) (hasKey $max $form) }}
{{- if gt (get $power $form) (get $max $form) }}
{{- fail (printf "policy: %s is %v, which is above maxSource, %v: lower it or raise policy.maxSource" $name (index $ 1) (index $ 2)) }}
{{- end }}
{{- else if and (index $ 3) (or (hasKey $power $form) (hasKey $max $form)) }}
{{- fail (printf "policy: %s is %v and maxSource %v: write both in watts, or both as a percentage" $name (index $ 1) (index $ 2)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* A power as {watts: NUMBER} or {percent: NUMBER}; {} where it is written in another way. */}}
{{- define "powercap.power" -}}
{{- $text := toString . }}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?[umk]?$" $text }}
{{- $unit := dict "u" 0.000001 "m" 0.001 "k" 1000.0 }}
watts: {{ mulf (regexFind "^[0-9.]+" $text | float64) (get $unit (regexFind "[umk]$" $text) | default 1.0) | printf "%.9f" }}
{{- else if regexMatch "^[0-9]+%$" $text }}
percent: {{ trimSuffix "%" $text | float64 | printf "%.1f" }}
{{- else }}
{}
{{- end }}
{{- end }}

{{- define "powercap.maxSourceMissing" -}}
policy.maxSource is not set: the watts that one node may draw at the best period of the day. What a node's packages may
draw today is their long_term limit, one line in microwatts for each package, on the node itself:
  cat /sys/class/powercap/intel-rapl:?/constraint_0_power_limit_uw
For nodes of several sizes give a part of what each may draw: --set policy.maxSource=80%
Begin with a dry run, which reports caps and writes nothing: --set policy.maxSource=WATTS --set policy.dryRun=true
Or install without a policy: --set policy.create=false
{{- end }}

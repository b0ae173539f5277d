{{- define "powercap.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "powercap.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | replace "." "-" | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "powercap.name" .) .Release.Name }}
{{- .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "powercap.name" .) | replace "." "-" | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels by which pods are selected: they never change. Called with (list . "component"). */}}
{{- define "powercap.selectorLabels" -}}
app.kubernetes.io/name: {{ include "powercap.name" (index . 0) | quote }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Labels of everything, each key once. Called with (list . "component"), or (list . "component" LABELS) for an object
that has further ones: these win over commonLabels, which win over the chart's own; nothing wins over the labels by which
pods are selected. */}}
{{- define "powercap.labels" -}}
{{- $root := index . 0 }}
{{- $own := dict "app.kubernetes.io/part-of" "powercap" "app.kubernetes.io/version" $root.Chart.AppVersion }}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") }}
{{- include "powercap.mergedLabels" (list $own .) }}
{{- end }}

{{/* Labels of a pod, called as above: no version and no chart, so that an upgrade restarts only what changed. */}}
{{- define "powercap.podLabels" -}}
{{- include "powercap.mergedLabels" (list (dict "app.kubernetes.io/part-of" "powercap") .) }}
{{- end }}

{{- define "powercap.mergedLabels" -}}
{{- $root := index . 1 0 }}
{{- $component := index . 1 1 }}
{{- $further := dict }}
{{- if gt (len (index . 1)) 2 }}{{ $further = index . 1 2 | default dict }}{{ end }}
{{- $selector := include "powercap.selectorLabels" (list $root $component) | fromYaml }}
{{- mergeOverwrite (dict) (index . 0) ($root.Values.commonLabels | default dict) $further $selector | toYaml }}
{{- end }}

{{/* Environment of a container, each name once: an entry of the person's takes the place of the chart's. Called with
(list CHART'S PERSON'S), the chart's as text. */}}
{{- define "powercap.env" -}}
{{- $entries := dict }}
{{- $names := list }}
{{- range concat (index . 0 | fromYamlArray) (index . 1 | default list) }}
{{- if not (hasKey $entries .name) }}{{ $names = append $names .name }}{{ end }}
{{- $_ := set $entries .name . }}
{{- end }}
{{- range $names }}
{{ list (get $entries .) | toYaml }}
{{- end }}
{{- end }}

{{/* An image by digest, else tag, else the chart's version. Called with (list . "operator"). A name without a registry
would be looked for on Docker Hub, and fail on every node minutes later: it is refused here. */}}
{{- define "powercap.image" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $image := (get $root.Values $component).image -}}
{{- if not (regexMatch "^([^/]*[.:][^/]*|localhost)/.+" $image.repository) }}
{{- fail (printf "%s.image.repository is %q, which names no registry. Set it to the full name of the image that you pushed, such as registry.example.org/powercap-%s, or localhost/powercap-%s for one that you loaded into the nodes" $component $image.repository $component $component) }}
{{- end }}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{/* How many operators run. Values kept by --reuse-values from a version with one operator have no such key. */}}
{{- define "powercap.operatorReplicas" -}}
{{- ternary 2 .Values.operator.replicas (kindIs "invalid" .Values.operator.replicas) }}
{{- end }}

{{/* Whether the operator serves metrics: empty where not. Values kept by --reuse-values from a version before metrics
have no such key, and mean no. */}}
{{- define "powercap.metrics" -}}
{{- if (.Values.operator.metrics).enabled }}true{{ end }}
{{- end }}

{{/* Whether the operator serves its page: empty where not, and where the values are of a version before it. */}}
{{- define "powercap.page" -}}
{{- with .Values.operator.page }}
{{- if .enabled }}
{{- if and (include "powercap.metrics" $) (eq (int .port) (int $.Values.operator.metrics.port)) }}
{{- fail (printf "operator.page.port and operator.metrics.port are both %d: each needs a port of its own" (int .port)) }}
{{- end }}
{{- "true" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Ends with a sentence where metrics are wanted that nobody serves. Called with (list . "serviceMonitor"). */}}
{{- define "powercap.needsMetrics" -}}
{{- if not (include "powercap.metrics" (index . 0)) }}
{{- fail (printf "%s.enabled needs the operator's metrics: set operator.metrics.enabled=true, or %s.enabled=false" (index . 1) (index . 1)) }}
{{- end }}
{{- end }}

{{/* Whether the agent caps NVIDIA's cards: empty where not, also with values kept from a version without the key. */}}
{{- define "powercap.nvidia" -}}
{{- if (.Values.agent.nvidia).enabled }}true{{ end }}
{{- end }}

{{/* Runtime class of the agent's pods; empty: the default one. */}}
{{- define "powercap.agentRuntimeClass" -}}
{{- if .Values.agent.runtimeClassName }}{{ .Values.agent.runtimeClassName }}
{{- else if include "powercap.nvidia" . }}nvidia{{ end }}
{{- end }}

{{/* What Pod Security `restricted` wants of a container. */}}
{{- define "powercap.restrictedContainer" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The operator's security context, and that of the hooks' pods; by default what Pod Security `restricted` wants. Without
one (null, or values kept by --reuse-values from a version without the key) whatever uid the platform or the image gives. */}}
{{- define "powercap.restrictedPod" -}}
{{- .Values.operator.podSecurityContext | default (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) | toYaml }}
{{- end }}

{{/* The agent's container: root, because the limits' files are root's, and without every privilege of root. */}}
{{- define "powercap.agentSecurity" -}}
runAsUser: 0
runAsGroup: 0
readOnlyRootFilesystem: true
{{- if .Values.agent.privileged }}
privileged: true
{{- else }}
privileged: false
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  {{- if include "powercap.nvidia" . }}
  # NVIDIA's driver asks for it before it sets a power limit.
  add: [SYS_ADMIN]
  {{- end }}
{{- end }}
{{- with .Values.agent.seLinuxType }}
seLinuxOptions:
  type: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Where agents can run, for their DaemonSet and for the operator alike. Values kept by --reuse-values from a version with
an empty affinity mean no affinity. */}}
{{- define "powercap.agentPlacement" -}}
{{- $agent := .Values.agent }}
{{- $placement := dict }}
{{- range $field := list "nodeSelector" "affinity" "tolerations" }}
{{- with get $agent $field }}{{ $_ := set $placement $field . }}{{ end }}
{{- end }}
{{- toYaml $placement }}
{{- end }}

{{/* Environment of the operator. */}}
{{- define "powercap.operatorEnv" -}}
- name: LOG_FORMAT
  value: {{ .Values.operator.logFormat }}
- name: LOG_LEVEL
  value: {{ .Values.operator.logLevel }}
- name: HEALTH
  value: ":8080"
- name: LEASE
  value: {{ .Release.Namespace }}/{{ include "powercap.fullname" . }}-operator
- name: AGENT_PLACEMENT
  value: {{ include "powercap.agentPlacement" . | fromYaml | toJson | quote }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- with .Values.operator.contact }}
- name: CONTACT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.operator.epexUrl }}
- name: EPEX_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.operator.savings }}
{{- if ne (empty .curve) (eq (toString .staticWatts) "") }}
{{- fail "operator.savings: set both curve and staticWatts, or neither: savings are modelled by both" }}
{{- end }}
{{- if .curve }}
- name: POWER_CURVE
  value: {{ .curve | quote }}
- name: STATIC_WATTS
  value: {{ .staticWatts | quote }}
{{- end }}
{{- end }}
{{- with .Values.operator.entsoe.existingSecret }}
- name: ENTSOE_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: {{ $.Values.operator.entsoe.existingSecretKey | quote }}
{{- end }}
{{- end }}

{{/* Environment of the agent's programs. The powercap folder is at another path than on the host, where container
runtimes mask it. */}}
{{- define "powercap.agentEnv" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: POWERCAP_ROOT
  value: {{ include "powercap.powercapMount" . }}{{ if not .Values.agent.mountOnlyPowercap }}/{{ base .Values.agent.powercapHostPath }}{{ end }}
- name: POWERCAP_STATE_DIR
  value: /run/powercap
- name: POWERCAP_LOG_FORMAT
  value: {{ .Values.agent.logFormat }}
- name: POWERCAP_MIN_WATTS
  value: {{ .Values.agent.minWatts | quote }}
- name: POWERCAP_MIN_PERCENT
  value: {{ .Values.agent.minPercent | quote }}
{{- if .Values.agent.hwmonWritable }}
- name: POWERCAP_HWMON_ROOT
  value: /host/sys/class/hwmon
{{- end }}
{{- with .Values.agent.originalWatts }}
- name: POWERCAP_ORIGINAL_WATTS
  value: {{ . | quote }}
{{- end }}
{{- if include "powercap.nvidia" . }}
- name: POWERCAP_NVML_LIBRARY
  value: libnvidia-ml.so.1
- name: NVIDIA_VISIBLE_DEVICES
  value: all
- name: NVIDIA_DRIVER_CAPABILITIES
  value: utility
{{- end }}
{{- end }}

{{/* Where the agent's container has the powercap folder, or the folder that it is in. A node without a powercap folder can
mount only the latter. Values kept by --reuse-values from a version without the choice have no such key, and mean the
latter. */}}
{{- define "powercap.powercapMount" -}}
{{- ternary "/host/powercap" "/host/devices" (default false .Values.agent.mountOnlyPowercap) }}
{{- end }}

{{- define "powercap.agentMounts" -}}
- name: powercap
  mountPath: {{ include "powercap.powercapMount" . }}
- name: state
  mountPath: /run/powercap
{{- if .Values.agent.hwmonWritable }}
- name: hwmon
  mountPath: /host/sys/class/hwmon
  readOnly: true
- name: devices
  mountPath: /host/sys/devices
{{- end }}
{{- end }}

{{- define "powercap.agentVolumes" -}}
- name: powercap
  hostPath:
    path: {{ default false .Values.agent.mountOnlyPowercap | ternary .Values.agent.powercapHostPath (dir .Values.agent.powercapHostPath) | quote }}
- name: state
  hostPath:
    path: {{ .Values.agent.stateHostPath | quote }}
    type: DirectoryOrCreate
{{- if .Values.agent.hwmonWritable }}
- name: hwmon
  hostPath:
    path: /sys/class/hwmon
- name: devices
  hostPath:
    path: /sys/devices
{{- end }}
{{- end }}

{{/* Whether Helm itself installs this: only then it asks the cluster, where every cluster has this namespace. What `helm
template` renders is applied by programs that take a hook for an object like any other. */}}
{{- define "powercap.helmInstalls" -}}
{{- if lookup "v1" "Namespace" "" "default" }}true{{ end }}
{{- end }}

{{/* What the pod of a hook is like, with the operator's image. Called with (list . NAME PROGRAM ENV): the account's name,
the module of powercap_operator.helm_hooks, the environment as text. */}}
{{- define "powercap.hookPod" -}}
{{- $root := index . 0 }}
restartPolicy: Never
serviceAccountName: {{ index . 1 }}
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "powercap.restrictedPod" $root | nindent 2 }}
containers:
  - name: {{ index . 2 }}
    image: {{ include "powercap.image" (list $root "operator") }}
    imagePullPolicy: {{ $root.Values.operator.image.pullPolicy }}
    command: [python3, -m, powercap_operator.helm_hooks.{{ index . 2 }}]
    env: {{- index . 3 | nindent 6 }}
    resources: {{- toYaml $root.Values.operator.resources | nindent 6 }}
    securityContext: {{- include "powercap.restrictedContainer" $root | nindent 6 }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $root.Values.operator $field }}
{{ $field }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the operator follows jobs that wait for cheap hours: empty where not. */}}
{{- define "powercap.jobs" -}}
{{- if (.Values.jobs).enabled }}true{{ end }}
{{- end }}

{{- define "powercap.testHook" -}}
helm.sh/hook: test
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

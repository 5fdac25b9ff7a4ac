{{- define "revox-exporter.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of objects. It leaves room for the number of a pod. */}}
{{- define "revox-exporter.fullname" -}}
{{- $name := include "revox-exporter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "revox-exporter.selector" -}}
app.kubernetes.io/name: {{ include "revox-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "revox-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "revox-exporter.selector" . }}
{{- end -}}

{{- define "revox-exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "revox-exporter.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "revox-exporter.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The exporter's flags, one a line. */}}
{{- define "revox-exporter.args" -}}
{{- $args := list -}}
{{- with .Values.campaigns -}}
{{- if $.Values.demo -}}
{{- $args = append $args "--demo" -}}
{{- else -}}
{{- $args = append $args "--revox.api-key-file=/run/secrets/revox/api-key" -}}
{{- if .discover -}}
{{- $args = append $args "--campaign.discover" -}}
{{- with .include -}}{{- $args = append $args (printf "--campaign.include=%s" .) -}}{{- end -}}
{{- with .exclude -}}{{- $args = append $args (printf "--campaign.exclude=%s" .) -}}{{- end -}}
{{- end -}}
{{- range .ids -}}{{- $args = append $args (printf "--campaign.id=%s" .) -}}{{- end -}}
{{- if .file -}}{{- $args = append $args "--campaign.file=/etc/revox_exporter/campaigns.yaml" -}}{{- end -}}
{{- $args = append $args "--state.path=/var/lib/revox_exporter" -}}
{{- end -}}
{{- end -}}
{{- $args = append $args (printf "--web.listen-address=:%d" (int .Values.service.port)) -}}
{{- $args = append $args "--web.health-listen-address=:10211" -}}
{{- $args = append $args (printf "--log.level=%s" .Values.log.level) -}}
{{- $args = append $args (printf "--log.format=%s" .Values.log.format) -}}
{{- $own := list "--revox.api-key-file" "--state.path" "--shard.count" "--shard.index" -}}
{{- range $args -}}{{- $own = append $own (first (splitList "=" .)) -}}{{- end -}}
{{- range .Values.extraArgs -}}
{{- if has (first (splitList "=" .)) $own -}}
{{- fail (printf "extraArgs: other values of the chart set %s; see the chart's README.md" (first (splitList "=" .))) -}}
{{- end -}}
{{- $args = append $args . -}}
{{- end -}}
{{- range $args }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Stops on values that are right one by one and wrong together. */}}
{{- define "revox-exporter.check" -}}
{{- with .Values.campaigns -}}
{{- if not (or $.Values.demo .discover .ids .file) -}}
{{- fail "nothing to read: set campaigns.discover=true, or give campaigns.ids or campaigns.file, or try demo=true" -}}
{{- end -}}
{{- end -}}
{{- if not (or .Values.demo .Values.apiKey.existingSecret) -}}
{{- fail "no API key: set apiKey.existingSecret to the name of a Secret that has it, or try demo=true" -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if eq .name "REVOX_API_KEY" -}}
{{- fail "extraEnv: the key does not belong here, where everybody who reads the pod sees it: put it into the Secret of apiKey.existingSecret" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.demo (gt (int .Values.shards) 1) -}}
{{- fail "demo=true needs shards=1: each exporter would simulate campaigns of its own" -}}
{{- end -}}
{{- end -}}

{{/* Names, labels and the image: what every object has. */}}

{{- define "ringback.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selectors match: it must never change for an installation. Given a dict of root and component. */}}
{{- define "ringback.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "ringback.labels" -}}
{{ include "ringback.selector" . }}
app.kubernetes.io/version: {{ include "ringback.version" . | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/part-of: ringback
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
The image of a service, which may be another than that of all while an upgrade goes in an order. Given a dict of
root and, for a service, values. Gives {tag, digest}.
*/}}
{{- define "ringback.imageOf" -}}
{{- $all := .root.Values.image -}}
{{- $own := default dict .values -}}
{{- if or $own.tag $own.digest -}}
{{- dict "tag" (default "" $own.tag) "digest" (default "" $own.digest) | toYaml -}}
{{- else -}}
{{- dict "tag" (default .root.Chart.AppVersion $all.tag) "digest" $all.digest | toYaml -}}
{{- end -}}
{{- end -}}

{{/* RINGBACK_VERSION and a label: the tag, or the digest's beginning. */}}
{{- define "ringback.version" -}}
{{- $image := include "ringback.imageOf" . | fromYaml -}}
{{- if $image.digest -}}
{{- $image.digest | trimPrefix "sha256:" | trunc 12 -}}
{{- else -}}
{{- $image.tag -}}
{{- end -}}
{{- end -}}

{{- define "ringback.image" -}}
{{- $image := include "ringback.imageOf" . | fromYaml -}}
{{- if $image.digest -}}
{{- printf "%s@%s" .root.Values.image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" .root.Values.image.repository $image.tag -}}
{{- end -}}
{{- end -}}

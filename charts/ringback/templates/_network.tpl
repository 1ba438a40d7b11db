{{/* Who may ask a pod. Kubelet's probes come from the node, which policies let through. */}}
{{- define "ringback.ingressOf" -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- if .facts.api }}
- ports:
    - port: http
  from:
    - podSelector:
        matchLabels:
          {{- include "ringback.selector" (dict "root" .root) | nindent 10 }}
    {{- with $policy.apiFrom }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- if has .name (keys (include "ringback.services" .root | fromYaml)) }}
{{- with $policy.metricsFrom }}
- ports:
    - port: internal
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
{{- if eq .name "gateway" }}
- ports:
    - port: internal
  from:
    - podSelector:
        matchLabels:
          {{- include "ringback.selector" (dict "root" .root "component" "voicemail") | nindent 10 }}
    {{- with $policy.mediaFrom }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Whom a pod may ask: where names are, and the parts that it needs. */}}
{{- define "ringback.egressOf" -}}
{{- $v := .root.Values -}}
{{- $parts := list -}}
{{- range .facts.needs -}}
{{- if eq . "directory" -}}
{{- $parts = append $parts "web" -}}
{{- end -}}
{{- if eq . "audio" -}}
{{- $parts = append $parts "s3" -}}
{{- end -}}
{{- if has . (list "directory" "history") -}}
{{- if not (index $v .).sqlite.enabled -}}
{{- $parts = append $parts "postgresql" -}}
{{- end -}}
{{- else if has . (keys $v.networkPolicy.egress) -}}
{{- if not (and (eq . "pbxs") $v.simulatedPhones.enabled) -}}
{{- $parts = append $parts . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.settings.otlpEndpoint (has .name (keys (include "ringback.services" .root | fromYaml))) -}}
{{- $parts = append $parts "otlp" -}}
{{- end -}}
{{- include "ringback.egressTo" (dict "peers" $v.networkPolicy.egress.dns "protocols" (list "UDP" "TCP")) }}
{{- range uniq $parts }}
{{ include "ringback.egressTo" (dict "peers" (index $v.networkPolicy.egress .) "protocols" (list "TCP")) }}
{{- end }}
{{- if has "console" .facts.needs }}
- ports:
    - port: http
  to:
    {{- range list "directory" "history" }}
    - podSelector:
        matchLabels:
          {{- include "ringback.selector" (dict "root" $.root "component" .) | nindent 10 }}
    {{- end }}
{{- end }}
{{- if has "spool" .facts.needs }}
- ports:
    - port: internal
  to:
    - podSelector:
        matchLabels:
          {{- include "ringback.selector" (dict "root" .root "component" "gateway") | nindent 10 }}
{{- end }}
{{- end -}}

{{- define "ringback.egressTo" -}}
- ports:
    {{- range $port := .peers.ports }}
    {{- range $.protocols }}
    - {port: {{ $port }}, protocol: {{ . }}}
    {{- end }}
    {{- end }}
  {{- with .peers.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

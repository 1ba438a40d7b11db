{{/* The environment of a pod, without secrets. Given what "ringback.files" is given, and values and facts. */}}
{{- define "ringback.env" -}}
{{- $v := .root.Values -}}
- name: RINGBACK_VERSION
  value: {{ include "ringback.version" . | quote }}
{{- if .facts.stateful }}
# Static membership: only for names that last. Of a Deployment it is empty, or each roll would wait for the dead.
- name: RINGBACK_REPLICA
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}
- name: RINGBACK_TOPIC_PREFIX
  value: {{ $v.topicPrefix | quote }}
- name: RINGBACK_STORE_PREFIX
  value: {{ $v.storePrefix | quote }}
{{- with $v.allowPlaintextTo }}
- name: RINGBACK_ALLOW_PLAINTEXT_TO
  value: {{ join "," . | quote }}
{{- end }}
{{- if has "internal" .listens }}
- name: RINGBACK_INTERNAL_HOST
  value: "0.0.0.0"
- name: RINGBACK_INTERNAL_PORT
  value: "8081"
{{- include "ringback.envOfSettings" $v.settings }}
{{- include "ringback.envOfSettings" .values.settings }}
{{- end }}
{{- if .facts.api }}
- name: RINGBACK_HTTP_HOST
  value: "0.0.0.0"
- name: RINGBACK_HTTP_PORT
  value: "8080"
{{- with $v.http.proxies }}
- name: RINGBACK_HTTP_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- range $part := .needs }}
{{- include (printf "ringback.envOf.%s" $part) $ }}
{{- end }}
{{- range .files }}
{{- if .env }}
- name: {{ .env }}
  value: /etc/ringback/secrets/{{ .path }}
{{- end }}
{{- end }}
{{- range $name, $value := .values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Settings that are called as in settings.py, in camel case; an empty one stays the product's own. */}}
{{- define "ringback.envOfSettings" -}}
{{- range $name, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{- if or (not (kindIs "string" $value)) $value }}
- name: RINGBACK_{{ $name | snakecase | upper }}
  {{- if kindIs "slice" $value }}
  value: {{ $value | toJson | quote }}
  {{- else if kindIs "float64" $value }}
  value: {{ $value | toJson | quote }}
  {{- else }}
  value: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ringback.envOf.kafka" }}
- name: RINGBACK_KAFKA
  value: {{ .root.Values.kafka.bootstrapServers | quote }}
- name: RINGBACK_KAFKA_TLS
  value: {{ ternary "1" "0" .root.Values.kafka.tls.enabled | quote }}
{{- with .root.Values.kafka.login }}
{{- if .existingSecret }}
- name: RINGBACK_KAFKA_USERNAME
  value: {{ default (printf "ringback-%s" $.name) .username | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ringback.envOf.redis" }}{{ end -}}

{{- define "ringback.envOf.s3" }}
{{- with .root.Values.s3 }}
- name: RINGBACK_S3_ENDPOINT
  value: {{ .endpoint | quote }}
- name: RINGBACK_S3_BUCKET
  value: {{ .bucket | quote }}
- name: RINGBACK_S3_REGION
  value: {{ .region | quote }}
- name: RINGBACK_S3_ENCRYPTION
  value: {{ ternary "1" "0" .encryption | quote }}
{{- end }}
{{- end -}}

{{/* S3 by links that another service signs: where it is, and no keys. */}}
{{- define "ringback.envOf.audio" }}
{{- with .root.Values.s3 }}
- name: RINGBACK_S3_ENDPOINT
  value: {{ .endpoint | quote }}
- name: RINGBACK_S3_BUCKET
  value: {{ .bucket | quote }}
- name: RINGBACK_S3_REGION
  value: {{ .region | quote }}
{{- end }}
{{- end -}}

{{- define "ringback.envOf.smtp" }}
- name: RINGBACK_MAIL_FROM
  value: {{ .root.Values.smtp.from | quote }}
- name: RINGBACK_MAIL_FROM_NAME
  value: {{ .root.Values.smtp.fromName | quote }}
{{- end -}}

{{- define "ringback.envOf.spool" }}{{ end -}}

{{- define "ringback.envOf.directory" }}
{{- with .root.Values.directory }}
{{- if .sqlite.enabled }}
- name: RINGBACK_DIRECTORY_DATABASE
  value: sqlite:////var/lib/ringback/directory.db
{{- end }}
{{- with .url }}
- name: RINGBACK_DIRECTORY_URL
  value: {{ . | quote }}
{{- end }}
{{- with .softphoneUrl }}
- name: RINGBACK_SOFTPHONE_URL
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ringback.envOf.history" }}
{{- if .root.Values.history.sqlite.enabled }}
- name: RINGBACK_HISTORY_DATABASE
  value: sqlite:////var/lib/ringback/history.db
{{- end }}
{{- end -}}

{{- define "ringback.envOf.console" }}
{{- $full := include "ringback.fullname" .root }}
{{- $scheme := ternary "http" "https" (empty .root.Values.http.tls.existingSecret) }}
- name: RINGBACK_CONSOLE_URL
  value: {{ .root.Values.console.url | quote }}
{{- range $api := list "directory" "history" }}
- name: RINGBACK_{{ $api | upper }}_API
  value: {{ printf "%s://%s-%s.%s.svc" $scheme $full $api $.root.Release.Namespace | quote }}
{{- end }}
{{- end -}}

{{- define "ringback.envOf.earlierTokens" }}
{{- with .root.Values.tokens.earlierKey.until }}
- name: RINGBACK_TOKEN_KEY_UNTIL
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "ringback.envOf.pbxs" }}
{{- if .root.Values.simulatedPhones.enabled }}
{{- $pbxs := dict }}
{{- range .root.Values.simulatedPhones.pbxs }}
{{- $_ := set $pbxs . "tcp://127.0.0.1:5038" }}
{{- end }}
- name: RINGBACK_PBXS
  value: {{ toJson $pbxs | quote }}
{{- end }}
{{- if .facts.stateful }}
- name: RINGBACK_SPOOL
  value: /var/lib/ringback/spool
- name: RINGBACK_SPOOL_URL
  value: {{ printf "%s://$(RINGBACK_REPLICA).%s-gateway-pods.%s.svc:8081" (ternary "https" "http" (not (empty .root.Values.internal.tls.existingSecret))) (include "ringback.fullname" .root) .root.Release.Namespace | quote }}
{{- end }}
{{- end -}}

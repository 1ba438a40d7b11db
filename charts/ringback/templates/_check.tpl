{{/*
What values.schema.json can't say: what belongs together. All that is wrong is said at once, each line with the
value and the remedy. The services refuse the same at their start, when pods would already be waiting.
*/}}
{{- define "ringback.check" -}}
{{- $found := list -}}
{{- range list "instead" "required" "wires" "sizes" -}}
{{- range include (printf "ringback.check.%s" .) $ | trim | splitList "\n" -}}
{{- if trim . -}}{{- $found = append $found (printf "  - %s" (trim .)) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- fail (printf "these values can't be installed:\n%s\nThe chart's README.md explains every value." (join "\n" $found)) -}}
{{- end -}}
{{- end -}}

{{/* Values that are called otherwise here, or not any more; the schema lets them come so far, to say what to write. */}}
{{- define "ringback.instead" -}}
replicaCount: services.<service>.replicas
resources: defaults.resources for all services, or services.<service>.resources for one
nodeSelector: defaults.nodeSelector
tolerations: defaults.tolerations
affinity: defaults.affinity
podAnnotations: defaults.podAnnotations
imagePullSecrets: image.pullSecrets
autoscaling: services.<service>.autoscaling
serviceMonitor: monitoring.serviceMonitor
persistence: gateway.spool
kafka.brokers: kafka.bootstrapServers
kafka.password: kafka.login.existingSecret, the name of a Secret
redis.url: redis.existingSecret, the name of a Secret with the URL
redis.password: redis.existingSecret, the name of a Secret with the URL
s3.accessKey: s3.existingSecret, the name of a Secret with both keys
s3.secretKey: s3.existingSecret, the name of a Secret with both keys
smtp.url: smtp.existingSecret, the name of a Secret with the URL
smtp.password: smtp.existingSecret, the name of a Secret with the URL
{{- end -}}

{{- define "ringback.check.instead" -}}
{{- range $name, $instead := include "ringback.instead" . | fromYaml }}
{{- $path := splitList "." $name }}
{{- $at := $.Values }}
{{- range initial $path }}{{ $at = index $at . }}{{ end }}
{{- if hasKey $at (last $path) }}
{{ $name }} is not there: write {{ $instead }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ringback.check.required" -}}
{{- $v := .Values }}
{{- if not $v.kafka.bootstrapServers }}
kafka.bootstrapServers is empty: name the brokers, host:port with commas between
{{- end }}
{{- if not $v.redis.existingSecret }}
redis.existingSecret is empty: name a Secret that has the URL of Redis under the key {{ $v.redis.key }}
{{- end }}
{{- if not $v.smtp.existingSecret }}
smtp.existingSecret is empty: name a Secret that has the URL of the mail server under the key {{ $v.smtp.key }}
{{- end }}
{{- if not $v.smtp.from }}
smtp.from is empty: write the address from which letters come
{{- end }}
{{- range $name := list "directory" "history" }}
{{- $own := index $v $name }}
{{- if not (or $own.database.existingSecret $own.sqlite.enabled) }}
{{ $name }}.database.existingSecret is empty: name a Secret that has PostgreSQL's URL under the key {{ $own.database.key }}, or try out with {{ $name }}.sqlite.enabled
{{- end }}
{{- if and $own.database.existingSecret $own.sqlite.enabled }}
{{ $name }}.database.existingSecret and {{ $name }}.sqlite.enabled are both set: take one of them
{{- end }}
{{- end }}
{{- if not $v.directory.key.existingSecret }}
directory.key.existingSecret is empty: name a Secret that has 32 random characters or more under the key {{ $v.directory.key.key }}
{{- end }}
{{- if not $v.tokens.privateKeys.existingSecret }}
tokens.privateKeys.existingSecret is empty: name a Secret that has the first file of `python -m ringback keys tokens` under the key {{ $v.tokens.privateKeys.key }}
{{- end }}
{{- if not $v.tokens.publicKeys.existingSecret }}
tokens.publicKeys.existingSecret is empty: name a Secret that has the public file of `python -m ringback keys tokens` under the key {{ $v.tokens.publicKeys.key }}
{{- end }}
{{- if ne (empty $v.tokens.earlierKey.existingSecret) (empty $v.tokens.earlierKey.until) }}
tokens.earlierKey.existingSecret and tokens.earlierKey.until belong together: set both or none
{{- end }}
{{- if and $v.gateway.pbxs.existingSecret $v.simulatedPhones.enabled }}
gateway.pbxs.existingSecret and simulatedPhones.enabled are both set: take one of them
{{- end }}
{{- if $v.console.enabled }}
{{- if not $v.console.url }}
console.url is empty: write where browsers reach the console, https://…
{{- end }}
{{- if not $v.console.sessionKeys.existingSecret }}
console.sessionKeys.existingSecret is empty: name a Secret that has 32 random characters or more under the key {{ $v.console.sessionKeys.key }}
{{- end }}
{{- if not $v.directory.consoleKey.existingSecret }}
directory.consoleKey.existingSecret is empty, and console.enabled is true: name a Secret that has 32 random characters or more under the key {{ $v.directory.consoleKey.key }}
{{- end }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}
ingress.host is empty: write the name under which the API is reached
{{- end }}
{{- end -}}

{{- define "ringback.check.wires" -}}
{{- $v := .Values }}
{{- $plain := $v.allowPlaintextTo }}
{{- if not (or $v.kafka.tls.enabled (has "kafka" $plain)) }}
kafka.tls.enabled is false: the wire would be in the clear; add kafka to allowPlaintextTo if something else protects it
{{- end }}
{{- if and (hasPrefix "http://" $v.s3.endpoint) (not (has "s3" $plain)) }}
s3.endpoint is http://…: the wire would be in the clear; write https://…, or add s3 to allowPlaintextTo
{{- end }}
{{- if not (or $v.internal.tls.existingSecret (and (has "http" $plain) (has "spool" $plain))) }}
internal.tls.existingSecret is empty: name a Secret with tls.crt, tls.key and ca.crt, or add http and spool to allowPlaintextTo if a mesh or the network encrypts
{{- end }}
{{- if not (or $v.http.tls.existingSecret (has "http" $plain)) }}
http.tls.existingSecret is empty: name a Secret with tls.crt and tls.key, or add http to allowPlaintextTo if the Ingress or a mesh encrypts
{{- end }}
{{- if and (hasPrefix "http://" $v.settings.otlpEndpoint) (not (has "otlp" $plain)) }}
settings.otlpEndpoint is http://…: the wire would be in the clear; write https://…, or add otlp to allowPlaintextTo
{{- end }}
{{- if and $v.kafka.login.username (not $v.kafka.login.existingSecret) }}
kafka.login.username is set and kafka.login.existingSecret is not: set both or none
{{- end }}
{{- if and $v.monitoring.serviceMonitor.enabled $v.internal.tls.existingSecret (not $v.monitoring.serviceMonitor.serverName) }}
monitoring.serviceMonitor.serverName is empty: write a name that the certificate in internal.tls.existingSecret has
{{- end }}
{{- end -}}

{{- define "ringback.check.sizes" -}}
{{- $v := .Values }}
{{- range $name := list "directory" "history" }}
{{- $replicas := (index $v.services $name).replicas }}
{{- if and (index $v $name).sqlite.enabled (gt (int $replicas) 1) }}
services.{{ $name }}.replicas is {{ $replicas }}: SQLite is a file of one process; write 1
{{- end }}
{{- end }}
{{- if and $v.simulatedPhones.enabled (gt (int $v.services.gateway.replicas) 1) }}
services.gateway.replicas is {{ $v.services.gateway.replicas }}: simulatedPhones are in the gateway's pod, and each pod would have its own; write 1
{{- end }}
{{- $partitions := default 12 $v.topics.partitions }}
{{- range $name := list "routing" "queue" "callback" "voicemail" "history" }}
{{- $service := index $v.services $name }}
{{- range $path, $count := dict "replicas" $service.replicas "autoscaling.max" $service.autoscaling.max }}
{{- if gt (int $count) (int $partitions) }}
services.{{ $name }}.{{ $path }} is {{ $count }}: of the facts' {{ $partitions }} partitions each has one owner; write {{ $partitions }} or less, or in topics.partitions how many your log has
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $service := $v.services }}
{{- $scaling := default dict $service.autoscaling }}
{{- if $scaling.enabled }}
{{- if gt (int $scaling.min) (int $scaling.max) }}
services.{{ $name }}.autoscaling.min is more than max
{{- end }}
{{- if and (eq $name "history") $v.history.sqlite.enabled }}
services.history.autoscaling.enabled is true: SQLite is a file of one process; write false
{{- end }}
{{- if and $v.kafka.login.existingSecret (not $v.keda.login.existingSecret) }}
keda.login.existingSecret is empty: the brokers ask for a login, so name a Secret with username and password for KEDA, because of services.{{ $name }}.autoscaling.enabled
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

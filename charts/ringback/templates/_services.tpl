{{/*
The services, and the programs that run once: what each needs. One loop makes all objects from this table.

stateful: a lasting name each, for static membership in the consumer group: a restarted pod takes its own
partitions back. api: a public port. needs: the parts that it may reach, and whose secrets it gets. lag: the
topics by whose lag KEDA may add replicas. grace: seconds from SIGTERM to SIGKILL: 10 for connections, 8 for
the edge's handlers, 10 for the host's batch, and letting go of partitions; with `sleep`, 5 more, in which
proxies learn that the pod is going.
*/}}
{{- define "ringback.services" -}}
routing:
  stateful: true
  needs: [kafka, redis, s3]
  lag: [facts]
  grace: 45
queue:
  stateful: true
  needs: [kafka, redis, s3]
  lag: [facts]
  grace: 45
callback:
  stateful: true
  needs: [kafka, redis, s3]
  lag: [facts]
  grace: 45
voicemail:
  stateful: true
  needs: [kafka, redis, s3, smtp, spool]
  lag: [facts, delivery]
  grace: 45
tts:
  needs: [kafka, s3]
  lag: [speech]
  grace: 45
directory:
  api: true
  needs: [kafka, s3, smtp, directory, earlierTokens]
  grace: 50
  sleep: 5
history:
  stateful: true
  api: true
  needs: [kafka, s3, history, earlierTokens]
  lag: [facts]
  grace: 50
  sleep: 5
gateway:
  stateful: true
  needs: [kafka, s3, pbxs]
  grace: 50
  sleep: 5
{{- if .Values.console.enabled }}
console:
  api: true
  needs: [redis, audio, console]
  grace: 50
  sleep: 5
{{- end }}
{{- end -}}

{{/*
Programs that run once: the Job for topics, and for `helm test` the doctor as each service, with its login and its
secrets. Where a service's part is within its own pod (a database in a file, simulated phones), nobody else
can look at it.
*/}}
{{- define "ringback.programs" -}}
topics:
  needs: [kafka]
{{- range $name, $facts := include "ringback.services" . | fromYaml }}
{{- $inside := or (and (eq $name "gateway") $.Values.simulatedPhones.enabled) (dig "sqlite" "enabled" false (default dict (index $.Values $name))) }}
{{- if not $inside }}
doctor-{{ $name }}:
  service: {{ $name }}
  needs: {{ toJson $facts.needs }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The values of one service: its own over those of all. Given a dict of root and name. */}}
{{- define "ringback.valuesOf" -}}
{{- $own := index .root.Values.services .name -}}
{{- $merged := deepCopy .root.Values.defaults -}}
{{- range $key, $value := $own -}}
{{- $_ := set $merged $key $value -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{/* Whether KEDA sets the replicas of a service. Given a dict of root and values. */}}
{{- define "ringback.isScaled" -}}
{{- if and (dig "autoscaling" "enabled" false .values) (.root.Capabilities.APIVersions.Has "keda.sh/v1alpha1") -}}
true
{{- end -}}
{{- end -}}

{{/* The consumer group of a topic, as runtime/kafka_clients.py names it. Given a dict of root, name and topic. */}}
{{- define "ringback.group" -}}
{{- .root.Values.topicPrefix }}{{ .name }}{{ if has .topic (list "speech" "delivery") }}.{{ .topic }}{{ end }}
{{- end -}}

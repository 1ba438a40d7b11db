{{/* What the two APIs and the console serve, each path with all below it. A test compares them with their routes. */}}
{{- define "ringback.apiPaths" -}}
directory:
  - /agents
  - /audit
  - /callbacks
  - /colleagues
  - /departments
  - /employees
  - /extensions
  - /me
  - /notices
  - /office
  - /organization
  - /pbxs
  - /phone-password
  - /recovery
  - /responsibles
  - /scenarios
  - /sessions
  - /tokens
  - /uploads
history:
  - /erase
  - /history
  - /history.csv
  - /live
  - /me/call
  - /recordings
  - /statistics
  - /statistics.csv
  - /voice-messages
{{- if .Values.console.enabled }}
console:
  - /
  - /o
  - /preferences
  - /sign-in
  - /static
{{- end }}
{{- end -}}

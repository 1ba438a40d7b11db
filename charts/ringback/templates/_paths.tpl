{{/* What the two APIs serve, each path with all below it. A test compares them with the services' routes. */}}
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
  - /recordings
  - /statistics
  - /voice-messages
{{- end -}}

{{/*
The secrets and certificates of a pod: one projected volume, with the keys that it needs and no others. Their
names reach the process as RINGBACK_X_FILE, or as the setting itself where that is a file's name. A changed
Secret changes the files, and the process looks at them every ten seconds.

Gives a list of {secret, key, path, env}. Given a dict of root, name, needs, and listens: its ports with TLS.
*/}}
{{- define "ringback.files" -}}
{{- $given := . -}}
{{- $there := list -}}
{{- range $part := concat .needs .listens -}}
{{- range include (printf "ringback.filesOf.%s" $part) $given | fromYamlArray -}}
{{- if .secret -}}{{- $there = append $there . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $there -}}
{{- end -}}

{{- define "ringback.filesOf.kafka" -}}
{{- with .root.Values.kafka -}}
- {secret: {{ .login.existingSecret | quote }}, key: {{ ternary $.name "password" (empty .login.username) }}, path: kafka/password, env: RINGBACK_KAFKA_PASSWORD_FILE}
{{- if .tls.enabled }}
- {secret: {{ .tls.caSecret | quote }}, key: ca.crt, path: kafka/ca.crt, env: RINGBACK_KAFKA_CA}
- {secret: {{ .tls.clientSecret | quote }}, key: tls.crt, path: kafka/tls.crt, env: RINGBACK_KAFKA_CERTIFICATE}
- {secret: {{ .tls.clientSecret | quote }}, key: tls.key, path: kafka/tls.key, env: RINGBACK_KAFKA_KEY}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.redis" -}}
{{- with .root.Values.redis -}}
- {secret: {{ .existingSecret | quote }}, key: {{ ternary $.name .key .keyPerService }}, path: redis/url, env: RINGBACK_REDIS_FILE}
- {secret: {{ .caSecret | quote }}, key: ca.crt, path: redis/ca.crt, env: RINGBACK_REDIS_CA}
- {secret: {{ .clientSecret | quote }}, key: tls.crt, path: redis/tls.crt, env: RINGBACK_REDIS_CERTIFICATE}
- {secret: {{ .clientSecret | quote }}, key: tls.key, path: redis/tls.key, env: RINGBACK_REDIS_KEY}
- {secret: {{ .sentinelLogin.existingSecret | quote }}, key: {{ .sentinelLogin.key }}, path: redis/sentinel-login, env: RINGBACK_REDIS_SENTINEL_LOGIN_FILE}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.s3" -}}
{{- with .root.Values.s3 -}}
- {secret: {{ .existingSecret | quote }}, key: {{ .accessKeyKey }}, path: s3/access-key, env: RINGBACK_S3_ACCESS_KEY_FILE}
- {secret: {{ .existingSecret | quote }}, key: {{ .secretKeyKey }}, path: s3/secret-key, env: RINGBACK_S3_SECRET_KEY_FILE}
- {secret: {{ .caSecret | quote }}, key: ca.crt, path: s3/ca.crt, env: RINGBACK_S3_CA}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.audio" -}}
- {secret: {{ .root.Values.s3.caSecret | quote }}, key: ca.crt, path: s3/ca.crt, env: RINGBACK_S3_CA}
{{- end -}}

{{- define "ringback.filesOf.smtp" -}}
{{- with .root.Values.smtp -}}
- {secret: {{ .existingSecret | quote }}, key: {{ .key }}, path: smtp/url, env: RINGBACK_SMTP_FILE}
- {secret: {{ .caSecret | quote }}, key: ca.crt, path: smtp/ca.crt, env: RINGBACK_SMTP_CA}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.spool" -}}
- {secret: {{ .root.Values.internal.tls.existingSecret | quote }}, key: ca.crt, path: spool/ca.crt, env: RINGBACK_SPOOL_CA}
{{- end -}}

{{- define "ringback.filesOf.directory" -}}
{{- with .root.Values.directory -}}
{{- if not .sqlite.enabled }}
- {secret: {{ .database.existingSecret | quote }}, key: {{ .database.key }}, path: directory-database/url, env: RINGBACK_DIRECTORY_DATABASE_FILE}
{{- include "ringback.filesOfDatabase" (dict "name" "directory" "database" .database) }}
{{- end }}
- {secret: {{ .key.existingSecret | quote }}, key: {{ .key.key }}, path: directory/key, env: RINGBACK_DIRECTORY_KEY_FILE}
- {secret: {{ .keysBefore.existingSecret | quote }}, key: {{ .keysBefore.key }}, path: directory/keys-before, env: RINGBACK_DIRECTORY_KEYS_BEFORE_FILE}
- {secret: {{ .consoleKey.existingSecret | quote }}, key: {{ .consoleKey.key }}, path: directory/console-key, env: RINGBACK_CONSOLE_KEY_FILE}
- {secret: {{ .texts.existingSecret | quote }}, key: {{ .texts.urlKey }}, path: texts/url, env: RINGBACK_TEXTS_URL_FILE}
- {secret: {{ .texts.existingSecret | quote }}, key: {{ .texts.tokenKey }}, path: texts/token, env: RINGBACK_TEXTS_KEY_FILE}
{{- end }}
{{- with .root.Values.tokens.privateKeys }}
- {secret: {{ .existingSecret | quote }}, key: {{ .key }}, path: tokens/private, env: RINGBACK_TOKEN_KEYS_FILE}
{{- end }}
{{- end -}}

{{- define "ringback.filesOf.history" -}}
{{- with .root.Values.history -}}
{{- if not .sqlite.enabled }}
- {secret: {{ .database.existingSecret | quote }}, key: {{ .database.key }}, path: history-database/url, env: RINGBACK_HISTORY_DATABASE_FILE}
{{- include "ringback.filesOfDatabase" (dict "name" "history" "database" .database) }}
{{- end }}
{{- end }}
{{- with .root.Values.tokens.publicKeys }}
- {secret: {{ .existingSecret | quote }}, key: {{ .key }}, path: tokens/public, env: RINGBACK_TOKEN_PUBLIC_KEYS_FILE}
{{- end }}
{{- end -}}

{{/* The files that a database's URL names: sslrootcert, sslcert and sslkey. */}}
{{- define "ringback.filesOfDatabase" }}
- {secret: {{ .database.caSecret | quote }}, key: ca.crt, path: {{ .name }}-database/ca.crt}
- {secret: {{ .database.clientSecret | quote }}, key: tls.crt, path: {{ .name }}-database/tls.crt}
- {secret: {{ .database.clientSecret | quote }}, key: tls.key, path: {{ .name }}-database/tls.key}
{{- end -}}

{{- define "ringback.filesOf.console" -}}
{{- with .root.Values.directory.consoleKey -}}
- {secret: {{ .existingSecret | quote }}, key: {{ .key }}, path: console/key, env: RINGBACK_CONSOLE_KEY_FILE}
{{- end }}
{{- with .root.Values.console }}
- {secret: {{ .sessionKeys.existingSecret | quote }}, key: {{ .sessionKeys.key }}, path: console/session-keys, env: RINGBACK_CONSOLE_SESSION_KEYS_FILE}
- {secret: {{ .apiCaSecret | quote }}, key: ca.crt, path: console/directory-ca.crt, env: RINGBACK_DIRECTORY_API_CA}
- {secret: {{ .apiCaSecret | quote }}, key: ca.crt, path: console/history-ca.crt, env: RINGBACK_HISTORY_API_CA}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.earlierTokens" -}}
{{- with .root.Values.tokens.earlierKey -}}
- {secret: {{ .existingSecret | quote }}, key: {{ .key }}, path: tokens/earlier, env: RINGBACK_TOKEN_KEY_FILE}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.pbxs" -}}
{{- if not .root.Values.simulatedPhones.enabled -}}
{{- with .root.Values.gateway.pbxs -}}
- {secret: {{ .existingSecret | quote }}, key: {{ .key }}, path: pbxs/pbxs.json, env: RINGBACK_PBXS_FILE}
- {secret: {{ .caSecret | quote }}, key: ca.crt, path: pbxs/ca.crt}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.internal" -}}
{{- with .root.Values.internal.tls -}}
- {secret: {{ .existingSecret | quote }}, key: tls.crt, path: internal/tls.crt, env: RINGBACK_INTERNAL_CERTIFICATE}
- {secret: {{ .existingSecret | quote }}, key: tls.key, path: internal/tls.key, env: RINGBACK_INTERNAL_KEY}
{{- end -}}
{{- end -}}

{{- define "ringback.filesOf.http" -}}
{{- with .root.Values.http.tls -}}
- {secret: {{ .existingSecret | quote }}, key: tls.crt, path: http/tls.crt, env: RINGBACK_HTTP_CERTIFICATE}
- {secret: {{ .existingSecret | quote }}, key: tls.key, path: http/tls.key, env: RINGBACK_HTTP_KEY}
{{- end -}}
{{- end -}}

{{/* The volume of a list of files. */}}
{{- define "ringback.secretsVolume" -}}
- name: secrets
  projected:
    # Root's, and readable for the pod's group alone.
    defaultMode: 0440
    sources:
      {{- range . }}
      - secret:
          name: {{ .secret }}
          items:
            - {key: {{ .key }}, path: {{ .path }}}
      {{- end }}
{{- end -}}

{{/* What every pod of ours has. Given a dict of root, name, facts, values. */}}
{{- define "ringback.podOfService" -}}
{{- $v := .root.Values -}}
{{- $full := include "ringback.fullname" .root -}}
{{- $listens := ternary (list "internal" "http") (list "internal") (default false .facts.api) -}}
{{- $given := merge (dict "needs" .facts.needs "listens" $listens) . -}}
{{- $files := include "ringback.files" $given | fromYamlArray -}}
{{- $given = merge (dict "files" $files) $given -}}
{{- $data := include "ringback.dataOf" . | fromYaml -}}
serviceAccountName: {{ $full }}-{{ .name }}
{{- include "ringback.podBase" . | nindent 0 }}
terminationGracePeriodSeconds: {{ .facts.grace }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "ringback.selector" (dict "root" $.root "component" $.name) | nindent 8 }}
    # Each revision is spread by itself, so that a roll does not end on one node.
    matchLabelKeys: [{{ ternary "controller-revision-hash" "pod-template-hash" (default false $.facts.stateful) }}]
  {{- end }}
{{- if and (eq .name "gateway") $v.simulatedPhones.enabled }}
initContainers:
  {{- include "ringback.phones" . | nindent 2 }}
{{- end }}
containers:
  - name: {{ .name }}
    image: {{ include "ringback.image" . }}
    imagePullPolicy: {{ $v.image.pullPolicy }}
    args: ["-m", "services.{{ .name }}"]
    env:
      {{- include "ringback.env" $given | nindent 6 }}
    ports:
      - name: internal
        containerPort: 8081
      {{- if .facts.api }}
      - name: http
        containerPort: 8080
      {{- end }}
    {{- $scheme := ternary "HTTPS" "HTTP" (not (empty $v.internal.tls.existingSecret)) }}
    # The port opens within 15 s, and is open while the start waits for a part, which may take minutes.
    startupProbe:
      httpGet: {path: /health/live, port: internal, scheme: {{ $scheme }}}
      periodSeconds: 2
      timeoutSeconds: 3
      failureThreshold: 180
    readinessProbe:
      httpGet: {path: /health/ready, port: internal, scheme: {{ $scheme }}}
      periodSeconds: 5
      timeoutSeconds: 3
    # Only the event loop's heartbeat: an outage of Kafka restarts nobody, nor does a busy node within a minute.
    livenessProbe:
      httpGet: {path: /health/live, port: internal, scheme: {{ $scheme }}}
      periodSeconds: 10
      timeoutSeconds: 3
      failureThreshold: 6
    {{- with .facts.sleep }}
    # The listener closes at once on SIGTERM: until then, those who still have the address are answered.
    lifecycle:
      preStop:
        sleep:
          seconds: {{ . }}
    {{- end }}
    resources:
      {{- toYaml .values.resources | nindent 6 }}
    securityContext:
      {{- include "ringback.containerSecurity" . | nindent 6 }}
    volumeMounts:
      {{- include "ringback.mounts" (dict "files" $files) | nindent 6 }}
      {{- if $data }}
      - name: data
        mountPath: /var/lib/ringback
      {{- end }}
volumes:
  {{- include "ringback.volumes" (dict "files" $files "tmpSize" .values.tmpSize) | nindent 2 }}
  {{- if and $data (not .facts.stateful) }}
  - name: data
    persistentVolumeClaim:
      claimName: {{ $full }}-{{ .name }}
  {{- end }}
  {{- if and (eq .name "gateway") $v.simulatedPhones.enabled }}
  - name: phones
    configMap:
      name: {{ $full }}-phones
  {{- end }}
{{- end -}}

{{/* A pod's rights, the same for services and for programs that run once. */}}
{{- define "ringback.podBase" -}}
automountServiceAccountToken: false
# A Service called ringback-http would set RINGBACK_HTTP_PORT to tcp://….
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "ringback.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "ringback.mounts" -}}
- name: tmp
  mountPath: /tmp
{{- if .files }}
- name: secrets
  mountPath: /etc/ringback/secrets
  readOnly: true
{{- end }}
{{- end -}}

{{- define "ringback.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .tmpSize }}
{{- if .files }}
{{ include "ringback.secretsVolume" .files }}
{{- end }}
{{- end -}}

{{/* The volume that a service needs: {size, storageClass}, or nothing. */}}
{{- define "ringback.dataOf" -}}
{{- if eq .name "gateway" -}}
{{- toYaml .root.Values.gateway.spool -}}
{{- else if has .name (list "directory" "history") -}}
{{- $sqlite := (index .root.Values .name).sqlite -}}
{{- if $sqlite.enabled -}}
{{- toYaml (pick $sqlite "size" "storageClass") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ringback.claimOf" -}}
accessModes: [ReadWriteOnce]
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end -}}

{{/*
The simulated phones, as a sidecar: that wire exists on loopback only. It starts before the gateway and ends after
it, and its script begins when somebody says so.
*/}}
{{- define "ringback.phones" -}}
{{- $files := include "ringback.files" (dict "root" .root "name" .name "needs" (list "s3") "listens" list) | fromYamlArray -}}
- name: phones
  image: {{ include "ringback.image" . }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  restartPolicy: Always
  args: ["-m", "ringback", "phones", "--wait", "--port", "5038", "--script", "/etc/ringback/phones/script.yaml"]
  env:
    {{- include "ringback.envOf.s3" . | trim | nindent 4 }}
    {{- range $files }}
    - name: {{ .env }}
      value: /etc/ringback/secrets/{{ .path }}
    {{- end }}
    {{- range $name, $value := .values.env }}
    - name: {{ $name }}
      value: {{ $value | quote }}
    {{- end }}
  # It listens on loopback, which only a program in the pod can ask.
  startupProbe:
    exec:
      command: [python, -c, "import socket; socket.create_connection(('127.0.0.1', 5038), 2)"]
    periodSeconds: 2
    timeoutSeconds: 5
    failureThreshold: 60
  resources:
    requests:
      cpu: 50m
      memory: 128Mi
    limits:
      memory: 512Mi
  securityContext:
    {{- include "ringback.containerSecurity" . | nindent 4 }}
  volumeMounts:
    {{- include "ringback.mounts" (dict "files" $files) | nindent 4 }}
    - name: phones
      mountPath: /etc/ringback/phones
      readOnly: true
{{- end -}}

{{/* What the simulated phones do. */}}
{{- define "ringback.script" -}}
{{- default (.Files.Get "files/phones.yaml") .Values.simulatedPhones.script -}}
{{- end -}}

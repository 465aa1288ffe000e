# shellcheck shell=bash
# Keys, certificates and the files by which the programs reach the API server. Sourced, never run; needs settings.sh.

make_certificates() {
  local service=kubernetes.default.svc user outcome
  (
    set -e
    umask 077
    cd "$STATE/pki"
    make_key ca
    openssl req -x509 -new -key ca.key -subj /CN=nomos-test-cluster -days 365 -out ca.crt \
      -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
    certify apiserver /CN=kube-apiserver serverAuth \
      "IP:$NODE_ADDRESS,IP:$API_SERVICE_ADDRESS,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:$service,DNS:$service.cluster.local"
    certify kubelet "/O=system:nodes/CN=system:node:$NODE" serverAuth,clientAuth "IP:$NODE_ADDRESS,DNS:$NODE"
    certify admin /O=system:masters/CN=admin clientAuth
    certify controller-manager /CN=system:kube-controller-manager clientAuth
    certify scheduler /CN=system:kube-scheduler clientAuth
    certify proxy /CN=system:kube-proxy clientAuth
    openssl genrsa -out service-accounts.key 2048
    openssl rsa -in service-accounts.key -pubout -out service-accounts.pub
    for user in kubelet admin controller-manager scheduler proxy; do write_kubeconfig "$user" >"$user.conf"; done
  ) >"$LOGS/openssl.log" 2>&1
  outcome=$? # by itself: behind an "or" a failure within would not end the subshell
  ((outcome == 0)) || give_up openssl "the certificates could not be made"
  cp "$STATE/pki/admin.conf" "$CLUSTER_KUBECONFIG"
  # Who became root by sudo uses the cluster afterwards.
  [[ -z "${SUDO_UID:-}" ]] || chown "$SUDO_UID" "$CLUSTER_KUBECONFIG"
}

make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; } # NAME

certify() { # NAME SUBJECT USAGE [ALTERNATIVE_NAMES]
  make_key "$1"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '%s\n' "extendedKeyUsage=$3" ${4:+"subjectAltName=$4"} >"$1.extensions"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile "$1.extensions" -out "$1.crt"
  rm "$1.csr" "$1.extensions"
}

write_kubeconfig() { # USER
  cat <<END
apiVersion: v1
kind: Config
current-context: $CONTEXT
contexts: [{name: $CONTEXT, context: {cluster: $CONTEXT, user: $1}}]
clusters: [{name: $CONTEXT, cluster: {server: "https://$NODE_ADDRESS:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
END
}

/* email_tls.c - the TLS context of the e-mail channel. It opens no connection. */
#include "channel/email_tls.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static bool is_numeric(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* The name of which the server may have a certificate among others (RFC 6066 section 3), which
 * libesmtp does not tell. It stands in the context's application data. */
static void tell_name(const SSL *ssl, int where, int ret)
{
    const char *host = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    (void)ret;
    if ((where & SSL_CB_HANDSHAKE_START) != 0 && !is_numeric(host))
        SSL_set_tlsext_host_name((SSL *)ssl, host);
}

static bool expect_host(SSL_CTX *tls, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls);

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return is_numeric(host) ? X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1
                            : X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

SSL_CTX *email_tls_new(const char *host, const char *ca_file, char *error, size_t size)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    bool trusts;

    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(tls, TLS1_2_VERSION) != 1 || !expect_host(tls, host)) {
        snprintf(error, size, "OpenSSL gives no context for TLS 1.2");
        SSL_CTX_free(tls);
        return NULL;
    }
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_app_data(tls, (char *)host);
    SSL_CTX_set_info_callback(tls, tell_name);
    trusts = *ca_file != '\0' ? SSL_CTX_load_verify_file(tls, ca_file) == 1
                              : SSL_CTX_set_default_verify_paths(tls) == 1;
    if (trusts)
        return tls;
    snprintf(error, size, "%s: holds no certificate that can be read",
             *ca_file != '\0' ? ca_file : "the system");
    SSL_CTX_free(tls);
    return NULL;
}

bool email_tls_is_verified(const SSL *ssl, const char *host)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    bool ok = certificate != NULL && SSL_get_verify_result(ssl) == X509_V_OK &&
              SSL_version(ssl) == TLS1_2_VERSION &&
              (is_numeric(host) ? X509_check_ip_asc(certificate, host, 0) == 1
                                : X509_check_host(certificate, host, 0,
                                                  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                                                  NULL) == 1);

    X509_free(certificate);
    return ok;
}

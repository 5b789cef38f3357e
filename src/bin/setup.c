/* setup.c - reads configuration, keys and texts. */
#include "bin/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret_file.h"
#include "channel/sms_http.h"

/* False after a fault: a file that the daemon will read cannot be read. "" stands for none. */
static bool check_file(const char *option, const char *path, conf_fault_cb *fault, void *arg)
{
    char *text;

    if (*path == '\0' || access(path, R_OK) == 0)
        return true;
    text = mem_printf("%s: %s: %s", option, path, strerror(errno));
    fault(arg, text);
    free(text);
    return false;
}

/* The files that the relay needs. */
static bool check_email(const struct conf *conf, conf_fault_cb *fault, void *arg)
{
    bool ok = check_file("email.ca_file", conf->email.ca_file, fault, arg);
    char error[512], *secret, *text;

    if (*conf->email.user == '\0')
        return ok;
    secret = secret_file_read(conf->email.password_file, error, sizeof(error));
    if (secret == NULL) {
        text = mem_printf("email.password_file: %s", error);
        fault(arg, text);
        free(text);
    }
    ok = ok && secret != NULL;
    secret_file_free(secret);
    return ok;
}

/* The files of the carriers: secrets, and authorities. */
static bool check_carriers(const struct conf *conf, conf_fault_cb *fault, void *arg)
{
    char error[512];
    bool ok = true;

    for (size_t i = 0; i < conf->carriers->count; i++) {
        const struct conf_carrier *carrier = &conf->carriers->items[i];
        char *option = mem_printf("carriers.%s.ca_file", carrier->name);

        ok = check_file(option, carrier->ca_file, fault, arg) && ok;
        free(option);
        if (sms_http_check(carrier, conf->http.public_url, error, sizeof(error)))
            continue;
        char *text = mem_printf("carriers.%s: %s", carrier->name, error);
        fault(arg, text);
        free(text);
        ok = false;
    }
    return ok;
}

struct setup *setup_load(const char *path, conf_fault_cb *fault, void *arg)
{
    struct setup *setup = mem_new(1, sizeof(*setup));
    char error[1024];
    bool files = false;

    setup->conf = conf_load(path, fault, arg);
    if (setup->conf == NULL) {
        fault(arg, "the keys and the texts are checked when the configuration is valid");
    } else {
        setup->keyring = keyring_load(setup->conf->keys.directory, setup->conf->sandbox.enabled,
                                      error, sizeof(error));
        if (setup->keyring == NULL)
            fault(arg, error);
        setup->wording = wording_load(setup->conf->templates.directory, fault, arg);
        files = check_email(setup->conf, fault, arg);
        files = check_carriers(setup->conf, fault, arg) && files;
    }
    if (setup->conf != NULL && setup->keyring != NULL && setup->wording != NULL && files)
        return setup;
    setup_free(setup);
    return NULL;
}

void setup_free(struct setup *setup)
{
    if (setup == NULL)
        return;
    if (setup->wording != NULL)
        wording_free(setup->wording);
    if (setup->keyring != NULL)
        keyring_free(setup->keyring);
    if (setup->conf != NULL)
        conf_free(setup->conf);
    free(setup);
}

void setup_print_fault(void *arg, const char *fault)
{
    (void)arg;
    fprintf(stderr, "%s\n", fault);
}

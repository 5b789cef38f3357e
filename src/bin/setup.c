/* setup.c - reads configuration, keys and texts. */
#include "bin/setup.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "channel/sms_http.h"

/* The files of the carriers' secrets. */
static bool check_carriers(const struct conf *conf, conf_fault_cb *fault, void *arg)
{
    char error[512];
    bool ok = true;

    for (size_t i = 0; i < conf->carriers->count; i++) {
        const struct conf_carrier *carrier = &conf->carriers->items[i];

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
    bool carriers = false;

    setup->conf = conf_load(path, fault, arg);
    if (setup->conf == NULL) {
        fault(arg, "the keys and the texts are checked when the configuration is valid");
    } else {
        setup->keyring = keyring_load(setup->conf->keys.directory, setup->conf->sandbox.enabled,
                                      error, sizeof(error));
        if (setup->keyring == NULL)
            fault(arg, error);
        setup->wording = wording_load(setup->conf->templates.directory, fault, arg);
        carriers = check_carriers(setup->conf, fault, arg);
    }
    if (setup->conf != NULL && setup->keyring != NULL && setup->wording != NULL && carriers)
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

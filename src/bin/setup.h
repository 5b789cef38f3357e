/*
 * setup.h - everything that the daemon reads before it works: configuration, keys, texts. Valid
 * whole or not at all.
 */
#ifndef HERSYS_BIN_SETUP_H
#define HERSYS_BIN_SETUP_H

#include "base/conf.h"
#include "base/secret.h"
#include "flow/wording.h"

struct setup {
    struct conf *conf;
    struct keyring *keyring;
    struct wording *wording;
};

/* NULL after at least one fault; every fault is told, not only the first. */
struct setup *setup_load(const char *path, conf_fault_cb *fault, void *arg)
    __attribute__((warn_unused_result));
void setup_free(struct setup *setup);

/* Prints a fault to standard error: a conf_fault_cb. */
void setup_print_fault(void *arg, const char *fault);

#endif

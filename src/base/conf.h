/*
 * conf.h - the configuration: one file (libconfig), one table of options, one const struct.
 *
 * The table in conf.c is the only list of options: type, range, default, help. A file is valid
 * whole or not at all; every fault in it is reported with its line.
 */
#ifndef HERSYS_BASE_CONF_H
#define HERSYS_BASE_CONF_H

#include <stdbool.h>
#include <stdio.h>

#include "base/conf_carrier.h"
#include "base/log.h"

struct conf {
    struct {
        const char *dsn;
        int statement_timeout_seconds;
    } database;
    struct {
        const char *listen;
        int max_body_bytes;
        int max_connections;
        int idle_timeout_seconds;
        const char *public_url; /* without a slash at its end; "" where carriers bring nothing */
    } http;
    struct {
        const char *relay; /* "host:port"; "" where no e-mail is sent */
        bool starttls;
        const char *ca_file; /* "": the system's */
        const char *user;    /* "": no AUTH */
        const char *password_file;
        const char *from;      /* an address */
        const char *from_name; /* UTF-8; "": none */
        int sessions;
        int messages_per_session;
        int timeout_seconds;
    } email;
    struct conf_carriers *carriers; /* outlive this configuration while a later one has the same */
    struct {
        int digits;
        bool confirm_by_sms;
    } codes;
    struct {
        const char *base_url;    /* without a slash at its end */
        const char *console_url; /* "": staff is told of none */
    } links;
    struct {
        const char *directory;
    } keys;
    struct {
        const char *directory;
    } templates;
    struct {
        int lease_seconds;
        int poll_seconds;
    } delivery;
    struct {
        int tick_seconds;
    } reminders;
    struct {
        bool spo2_required;
    } reports;
    struct {
        bool enabled;
        const char *spool;        /* the file in which the carrier keeps what it was given */
        const char *number;       /* the gateway's own number, E.164 */
        int window;               /* messages on the wire at once */
        int delay_milliseconds;   /* how long the carrier takes for a submit */
        int receipt_milliseconds; /* how long until the receipt comes */
    } sandbox;
    struct {
        enum log_level level;
    } log;
    struct {
        int drain_seconds;
    } shutdown;
};

/* Called for each fault: "etc/x.conf:12: http.listn: unknown option; did you mean http.listen?". */
typedef void conf_fault_cb(void *arg, const char *fault);

/* Reads a file; NULL after at least one fault. Free it with conf_free(). */
struct conf *conf_load(const char *path, conf_fault_cb *fault, void *arg)
    __attribute__((warn_unused_result));
void conf_free(struct conf *conf);

/* Options that differ between the two and take effect only at a restart: calls `fault` with each
 * one's name and copies the old value into `new_conf`, so that it says what is in force. */
void conf_keep_restart_options(const struct conf *old_conf, struct conf *new_conf,
                               conf_fault_cb *fault, void *arg);

/* Every option with type, range, default and help, as a commented sample file. */
void conf_print_sample(FILE *out);

#endif

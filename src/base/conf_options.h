/*
 * conf_options.h - the one table of options that conf.c reads by and the sample and the man page
 * are held against.
 */
#ifndef HERSYS_BASE_CONF_OPTIONS_H
#define HERSYS_BASE_CONF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum conf_type {
    CONF_TEXT,    /* any text */
    CONF_INTEGER, /* a whole number from min to max */
    CONF_SWITCH,  /* true or false */
    CONF_LEVEL,   /* a word of log_level_parse() */
    CONF_FILE,    /* a path; a relative one starts at the folder of the file in which it stands */
    CONF_ADDRESS, /* a numeric address and a port */
    CONF_URL,     /* the first part of the links that patients get */
    CONF_NUMBER,  /* a telephone number in E.164 */
    CONF_ORIGIN,  /* scheme, host and path under which others reach the listener */
    CONF_HOST,    /* a host's name or numeric address, and a port */
    CONF_MAILBOX, /* an e-mail address */

    /* of carriers alone */
    CONF_WORD,     /* one of `words` */
    CONF_ENDPOINT, /* where a carrier is reached: https, or http to this host; may be a pattern */
    CONF_PLACE,    /* where a value stands (base/place.h), of the kinds `places` */
    CONF_HEADER_NAME, /* the name of an HTTP header */
    CONF_ACCOUNT,     /* a name at a carrier: printable ASCII without a colon */
    CONF_HEADERS,     /* a list of "Name: pattern" (base/fill.h) */
    CONF_STATES,      /* a list of "WORD=state" */
    CONF_RULES,       /* a list of groups: conf_rules.h */
};

struct conf_option {
    const char *path;     /* "group.name" */
    const char *help;     /* full sentences; a line break is a space */
    const char *fallback; /* the default: text without quotes, a number, true or false */
    const char *unit;     /* of a number: "seconds"; NULL where it is a plain count */
    size_t offset;        /* into struct conf */
    enum conf_type type;
    int min, max;
    bool restart;   /* takes effect only when the daemon starts */
    bool required;  /* the empty text is a fault */
    unsigned types; /* of carriers: to which it belongs, a sum of enum conf_carrier_type */
    unsigned places;
    const char *const *words; /* NULL at the end */
};

struct conf_group {
    const char *name;
    const char *help;
};

extern const struct conf_group conf_groups[];
extern const size_t conf_group_count;

/* In the order of the groups. */
extern const struct conf_option conf_options[];
extern const size_t conf_option_count;

/* What a value of that type is, in words: "A whole number"; and whether it stands in quotes. */
const char *conf_type_words(enum conf_type type);
bool conf_type_is_quoted(enum conf_type type);

/* Whether the option is one of the group's; `name` of an option is what follows the point. */
bool conf_option_in_group(const struct conf_option *option, const char *group);
const char *conf_option_name(const struct conf_option *option);

#endif

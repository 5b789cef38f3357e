/* conf_guess.c - which option or group somebody may have meant (edit distance). It judges no value.
 */
#include "base/conf_guess.h"

#include <string.h>

#include "base/conf_options.h"

enum { GUESS_MAX = 48 };

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

/* Letters to insert, delete, replace or swap with the next to turn one word into the other. */
static size_t distance(const char *one, const char *other)
{
    size_t rows[3][GUESS_MAX + 1];
    size_t one_len = strlen(one), other_len = strlen(other);

    if (one_len > GUESS_MAX || other_len > GUESS_MAX)
        return GUESS_MAX;
    for (size_t k = 0; k <= other_len; k++)
        rows[0][k] = k;
    for (size_t i = 1; i <= one_len; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t k = 1; k <= other_len; k++) {
            now[k] = before[k - 1] + (one[i - 1] != other[k - 1] ? 1 : 0);
            now[k] = least(now[k], least(before[k], now[k - 1]) + 1);
            if (i > 1 && k > 1 && one[i - 1] == other[k - 2] && one[i - 2] == other[k - 1])
                now[k] = least(now[k], two_before[k - 2] + 1);
        }
    }
    return rows[one_len % 3][other_len];
}

/* A guess is worth saying when at most a third of the word had to change. */
static size_t distance_limit(const char *word)
{
    size_t limit = strlen(word) / 3;

    return limit < 2 ? 2 : limit;
}

const char *conf_nearest_group(const char *name)
{
    const char *best = NULL;
    size_t best_distance = distance_limit(name) + 1;

    for (size_t i = 0; i < conf_group_count; i++) {
        size_t d = distance(name, conf_groups[i].name);

        if (d < best_distance) {
            best = conf_groups[i].name;
            best_distance = d;
        }
    }
    return best;
}

const char *conf_nearest_option(const char *group, const char *name)
{
    const char *best = NULL;
    size_t best_distance = 2 * distance_limit(name) + 1;

    for (size_t i = 0; i < conf_option_count; i++) {
        const struct conf_option *option = &conf_options[i];
        size_t d = 2 * distance(name, conf_option_name(option)) +
                   (conf_option_in_group(option, group) ? 0 : 1);

        if (d < best_distance) {
            best = option->path;
            best_distance = d;
        }
    }
    return best;
}

const char *conf_nearest_word(const char *name, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t best_distance = distance_limit(name) + 1;

    for (size_t i = 0; i < count; i++) {
        size_t d = distance(name, words[i]);

        if (d < best_distance) {
            best = words[i];
            best_distance = d;
        }
    }
    return best;
}

/* channel.c - the words for what became of a message. */
#include "channel/channel.h"

const char *channel_outcome_word(enum channel_outcome outcome)
{
    static const char *const words[CHANNEL_OUTCOMES] = {
        [CHANNEL_ACCEPTED] = "accepted",   [CHANNEL_RETRY] = "retry",
        [CHANNEL_THROTTLED] = "throttled", [CHANNEL_LINK_DOWN] = "link_down",
        [CHANNEL_REJECTED] = "rejected",   [CHANNEL_OPTED_OUT] = "opted_out",
        [CHANNEL_UNKNOWN] = "unknown",
    };

    return words[outcome];
}

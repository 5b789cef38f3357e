/*
 * sms_http.h - a link to a carrier that is reached over HTTP: submits by its provider's requests,
 * and judges what no provider has to know.
 *
 * What the wire says (http_client.h):
 *
 *     no byte was sent           link_down: refused, not resolved, a certificate that is not theirs
 *     broken, timed out          unknown: the carrier may have the message. Whether it is submitted
 *                                again is for the outbox to decide. retry where the carrier sends a
 *                                message once whatever happens (provider_traits.idempotent)
 *
 * What an answer says of which the provider says nothing:
 *
 *     2xx, not understood        unknown: it may be accepted
 *     429, 503 with Retry-After  throttled, for as long as the carrier asks
 *     401, 403                   link_down (auth_refused): no message is dead because our
 *                                credentials are
 *     402, 404, 405, 3xx         link_down: the address or the account is wrong, and no message is
 *     408, 425                   retry
 *     other 4xx                  rejected
 *     502, 504                   unknown: somebody between lost the carrier
 *     other 5xx                  retry, or unknown where the provider says that it may have acted
 *
 * An accepting answer without the carrier's name of the message, where one is promised, is unknown
 * (no_id).
 */
#ifndef HERSYS_CHANNEL_SMS_HTTP_H
#define HERSYS_CHANNEL_SMS_HTTP_H

#include <event2/event.h>

#include "base/conf_carrier.h"
#include "channel/channel.h"
#include "channel/provider.h"

struct sms_http;

/* `conf` outlives it. NULL with the reason in `error`. */
struct sms_http *sms_http_new(struct event_base *base, const struct conf_carrier *conf,
                              const char *public_url, char *error, size_t size)
    __attribute__((warn_unused_result));

/* What is on the wire gets no answer. */
void sms_http_free(struct sms_http *link);

/* The link, and what it is to api/webhook; both valid as long as it. */
const struct channel *sms_http_channel(const struct sms_http *link);
struct carrier sms_http_carrier(const struct sms_http *link);

/* Whether a link could be opened; false with the reason. */
bool sms_http_check(const struct conf_carrier *conf, const char *public_url, char *error,
                    size_t size) __attribute__((warn_unused_result));

/* The table above. `pause_s` gets what the carrier asks for, 0 where it asks for nothing. */
void sms_http_judge(const struct provider *provider, const void *self,
                    const struct http_answer *answer, struct provider_verdict *verdict,
                    int *pause_s);

#endif

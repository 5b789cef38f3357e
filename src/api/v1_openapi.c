/* v1_openapi.c - /v1/openapi.yaml: the description of this very program's API. */
#include "api/route.h"

/* doc/openapi.yaml, made into bytes by the build. */
static const char document[] = {
#include "api/openapi.def"
};

void v1_openapi(struct api *api, const struct request *request)
{
    (void)api;
    http_reply(request->exchange, 200, "application/yaml", document, sizeof(document));
}

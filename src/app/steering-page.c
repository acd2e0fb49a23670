#include "steering-page.h"

#include <glib/gi18n.h>

struct _CsSteeringPage {
  CsPage parent;
};

G_DEFINE_FINAL_TYPE (CsSteeringPage, cs_steering_page, CS_TYPE_PAGE)

static void
cs_steering_page_class_init (CsSteeringPageClass *klass)
{
}

static void
cs_steering_page_init (CsSteeringPage *self)
{
  g_object_set (self, "page-name", "steering", "title", _("Steering"), "icon-name", "object-flip-horizontal-symbolic", NULL);
}

void
cs_steering_page_add (CsSteeringPage *page, const char *run_name, size_t latent)
{
}

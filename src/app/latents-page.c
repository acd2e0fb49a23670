#include "latents-page.h"

#include <glib/gi18n.h>

struct _CsLatentsPage {
  CsPage parent;
};

G_DEFINE_FINAL_TYPE (CsLatentsPage, cs_latents_page, CS_TYPE_PAGE)

static void
cs_latents_page_class_init (CsLatentsPageClass *klass)
{
}

static void
cs_latents_page_init (CsLatentsPage *self)
{
  g_object_set (self, "page-name", "latents", "title", _("Latents"), "icon-name", "starred-symbolic", NULL);
}

void
cs_latents_page_show (CsLatentsPage *page, const char *run_name, size_t latent)
{
}

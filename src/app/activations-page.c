#include "activations-page.h"

#include <glib/gi18n.h>

struct _CsActivationsPage {
  CsPage parent;
};

G_DEFINE_FINAL_TYPE (CsActivationsPage, cs_activations_page, CS_TYPE_PAGE)

static void
cs_activations_page_class_init (CsActivationsPageClass *klass)
{
}

static void
cs_activations_page_init (CsActivationsPage *self)
{
  g_object_set (self, "page-name", "activations", "title", _("Activations"), "icon-name", "view-list-symbolic", NULL);
}


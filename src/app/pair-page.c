#include "pair-page.h"

#include <glib/gi18n.h>

struct _CsPairPage {
  CsPage parent;
};

G_DEFINE_FINAL_TYPE (CsPairPage, cs_pair_page, CS_TYPE_PAGE)

static void
cs_pair_page_class_init (CsPairPageClass *klass)
{
}

static void
cs_pair_page_init (CsPairPage *self)
{
  g_object_set (self, "page-name", "pair", "title", _("Pair"), "icon-name", "view-dual-symbolic", NULL);
}


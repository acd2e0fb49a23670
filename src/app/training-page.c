#include "training-page.h"

#include <glib/gi18n.h>

struct _CsTrainingPage {
  CsPage parent;
};

G_DEFINE_FINAL_TYPE (CsTrainingPage, cs_training_page, CS_TYPE_PAGE)

static void
cs_training_page_class_init (CsTrainingPageClass *klass)
{
}

static void
cs_training_page_init (CsTrainingPage *self)
{
  g_object_set (self, "page-name", "training", "title", _("Training"), "icon-name", "media-playlist-repeat-symbolic", NULL);
}


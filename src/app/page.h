/* A page of the study window. Pages know the study and nothing of each other or of the window: they act through the
 * window's actions (win.show-page "latents", win.show-latent ("run", id), win.steer-latent ("run", id)). */
#pragma once

#include <adwaita.h>

#include "study.h"

#define CS_TYPE_PAGE (cs_page_get_type ())
G_DECLARE_DERIVABLE_TYPE (CsPage, cs_page, CS, PAGE, AdwBin)

struct _CsPageClass {
  AdwBinClass parent_class;
  /* The page's study changed from `old` to the current one (either may be NULL): connect and fill. */
  void (*study_changed) (CsPage *page, CsStudy *old);
};

/* Properties of every page: "name" (of the action), "title", "icon-name" are set by the subclass's template; "status" is a
 * short text for the sidebar ("62 %"), "header" a widget for the end of the header bar. */
const char *cs_page_name (CsPage *page);
const char *cs_page_title (CsPage *page);
const char *cs_page_icon_name (CsPage *page);
const char *cs_page_status (CsPage *page);
void        cs_page_set_status (CsPage *page, const char *status);
GtkWidget  *cs_page_header (CsPage *page);
CsStudy    *cs_page_study (CsPage *page);
void        cs_page_set_study (CsPage *page, CsStudy *study);

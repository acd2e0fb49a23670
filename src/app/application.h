/* The application: actions that need no study, recent studies, one window. */
#pragma once

#include <adwaita.h>

#define CS_TYPE_APPLICATION (cs_application_get_type ())
G_DECLARE_FINAL_TYPE (CsApplication, cs_application, CS, APPLICATION, AdwApplication)

CsApplication *cs_application_new (void);
/* Opens the study in `folder` in the window; a failure is told there. */
void           cs_application_open_study (CsApplication *application, const char *folder);
/* Opens the demo's study, making it on first use, and starts what is not done yet. */
void           cs_application_open_demo (CsApplication *application);
/* Folders of recent studies that still exist, newest first. Free with g_strfreev(). */
char         **cs_application_recent_studies (CsApplication *application);

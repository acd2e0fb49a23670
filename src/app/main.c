#include <glib/gi18n.h>
#include <locale.h>

#include "application.h"
#include "crosscope-config.h"

int
main (int argc, char **argv)
{
  g_autoptr (CsApplication) application = NULL;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, CS_LOCALE_DIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  application = cs_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}

"""Commands, buttons and menus: what Discord calls interactions, which are acknowledged within three seconds."""

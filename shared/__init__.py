"""What services share.

Loading any of it looks first at the folder of counts: a module with a metric opens files there as
soon as it is loaded, before anybody could say what is wrong with the folder.
"""

from shared.telemetry.counts_folder import demand_folder

demand_folder()

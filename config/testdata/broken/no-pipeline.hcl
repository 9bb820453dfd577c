daemon {} # ERROR "there is no pipeline"

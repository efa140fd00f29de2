/**
 * Notices as press offices write them, in Chinese and English. What must be found stands in `⟦kind|text⟧`; everything
 * else must not be. All people, numbers and places are invented.
 */
export const NOTICES: readonly { readonly title: string; readonly field?: string; readonly text: string }[] =
  [
    {
      title: '警情通报，姓名已隐去',
      text: '2026年11月20日21时许，我局接群众报警称，江北区长江路一商铺内发生一起故意伤害案件。接警后，民警迅速赶赴现场处置，犯罪嫌疑人李某某（男，35岁）被当场抓获，受害人王某（女，42岁）送医救治，暂无生命危险。经查，李某某因琐事与王某发生口角，持刀将其刺伤。目前，李某某因涉嫌故意伤害罪已被依法刑事拘留，案件正在进一步侦办中。滨江市公安局江北分局 2026年11月21日',
    },
    {
      title: '警情通报，姓名和证件号码未隐去',
      text: '经查，犯罪嫌疑人⟦name|李建国⟧（男，35岁，身份证号码⟦id-card|110101199003074514⟧）因琐事与受害人⟦name|欧阳文⟧发生口角，持刀将其刺伤。⟦name|李建国⟧驾驶⟦plate|浙A·12345⟧轿车逃离，于次日归案。',
    },
    {
      title: '通缉通告',
      text: '现有犯罪嫌疑人⟦name|张三⟧、⟦name|王小明⟧和⟦name|司马光远⟧在逃。⟦name|张三⟧，身份证号⟦id-card|11010519491231002X⟧，可能驾驶⟦plate|苏E·D12345⟧新能源汽车。提供有效线索者奖励人民币50000元。举报电话：110；联系人：李警官，⟦phone|0571-87654321⟧，⟦phone|138 1234 5678⟧。',
    },
    {
      title: '各种说法里的姓名',
      text: '民警将⟦name|赵六⟧抓获，警方对⟦name|孙大海⟧刑事拘留。死者系租客⟦name|何晓明⟧（男，54岁）。被告人何某、被告人⟦name|李四光⟧犯诈骗罪。逮捕犯罪嫌疑人⟦name|诸葛亮亮⟧。犯罪嫌疑人⟦name|于海洋⟧（男）落网。名叫⟦name|王二⟧的受害人。受害人李先生称，受害人何女士、陈阿姨已获赔。联系人姓名：李警官。副局长王建军在发布会上介绍，民警张伟带队。',
    },
    {
      title: '常用措辞里没有姓名',
      text: '抓获吸毒人员，逮捕涉黑人员，刑拘江某。司机朋友请注意，乘客应系好安全带，失主可凭有效证件认领，失主高兴地送来锦旗。当事人双方已达成和解，当事人应当履行。死者身份正在核实，死者家属已获通知。伤者共6人。被害人财物已追回。证人证言齐全。举报人信息严格保密。嫌疑人黄色外套，身高175厘米。嫌疑人方言口音，嫌疑人金发，嫌疑人高约一米八，嫌疑人全程戴口罩，嫌疑人单独作案，嫌疑人左手持刀，嫌疑人古铜色皮肤。民警将其抓获，将嫌疑人抓获，对当事人依法处罚，对江某采取强制措施。',
    },
    {
      title: '辟谣',
      text: '网民“江城小哥”发布“江北区一中学发生持刀伤人事件”，经核查系谣言。对张某某（男，28岁）处以行政拘留七日。学校停课，中小学和幼儿园学生不必到校。未成年人不得进入酒吧。公安部开展打击侵害未成年人犯罪专项行动。',
    },
    {
      title: '更多学校',
      text: '在⟦school|向阳小学⟧、⟦school|和平小学⟧、⟦school|滨江实验学校⟧就读的学生系江城市人。',
    },
    {
      title: '各种编号',
      text: '快递单号YT1234567890123，扣押现金1,234,567.89元，IMEI 861234567890123，IP 192.168.1.100，QQ群123456789，邮编310000，GB 11643-1999，2026-11-24至2026-12-24，09:00-17:30，纬度30.2741。',
    },
    {
      title: 'More English notices',
      text: 'Two suspects were detained in Binjiang on Friday, the Public Security Bureau said; both are in their 30s. The Supreme People’s Court has said that such cases are heard soon. Witnesses are asked to come to Gulou Police Station, 15 Zhongshan Road. Drivers are asked to use the S2 Expressway. Victim Support is open 24 hours. The victims, ⟦name|Li Wei⟧ and ⟦name|Chen Fang⟧, went to ⟦school|Binjiang Experimental Middle School⟧. Police arrested Mr. ⟦name|Wang Tao⟧. The deceased, ⟦name|Mary-Jane O’Neil⟧, and a suspect, ⟦name|ZHANG Wei⟧ (male, 30), met there.',
    },
    {
      title: '反诈预警',
      text: '近期，冒充公检法诈骗多发。凡自称民警要求转账的都是诈骗，请立即挂断并拨打110或96110。咨询可拨打12345、12110短信报警，银行客服95588、95533，或400-820-8820、4008123123、800-810-8888。切勿点击链接 https://www.example.org/n/13812345678 ，国家反诈中心APP预警成功率达98.6%。本月拦截资金13812345678元，涉及订单编号6222021234567894，同比下降12.5%。',
    },
    {
      title: '受害人多人',
      text: '受害人高度警惕，及时报警。受害人许多积蓄被骗。嫌疑人通过网络结识受害人，嫌疑人经常更换住处，嫌疑人于昨日被抓获，嫌疑人向警方供述了犯罪事实，受害人和家属情绪稳定，受害人应及时报案，嫌疑人时常出没于江北区，犯罪嫌疑人均已被采取刑事强制措施，犯罪嫌疑人马上逃离，嫌疑人钱款已被冻结，被害人方某、何某等人，抓获犯罪嫌疑人7名，抓获江苏籍犯罪嫌疑人3名，抓获涉案人员12人，驾驶人应当减速慢行，驾驶员高速行驶时请保持车距，驾驶人全部接受了检测。',
    },
    {
      title: '交通事故通报',
      text: '11月18日7时32分，一辆号牌为⟦plate|沪A12345⟧的小型轿车与⟦plate|皖B·1234挂⟧半挂车在G60沪昆高速K123+400处追尾，驾驶人⟦name|陈晓东⟧受轻伤，乘客⟦name|周丽⟧（女，29岁）不幸遇难。事故造成沪昆高速杭州方向拥堵约5公里，请绕行S2沪杭高速。',
    },
    {
      title: '交通管制',
      text: '因举办滨江马拉松，11月29日6:00至13:00，江南大道（江北路至新城路段）禁止一切车辆通行。浙A·****、浙AD1****号牌外的社会车辆请绕行，公交3路、15路、K201路临时改线，地铁1号线、G1501次列车正常。咨询电话：114、12328、122。高速入口限高4.5米，停车场容量1200个。',
    },
    {
      title: '未成年人案件',
      text: '近日，我市发生一起侵害⟦minor|未成年人⟧案件。受害人为⟦school|滨江市第一小学⟧学生，⟦minor|十一岁⟧，现由家长陪护。犯罪嫌疑人刘某（男，46岁，初中文化）系⟦school|育才中学⟧保安，已被依法逮捕。另一名⟦minor|17岁⟧的⟦minor|高中生⟧就读于⟦school|滨江二中⟧。',
    },
    {
      title: '寻人启事',
      text: '寻找走失⟦minor|女童⟧：⟦minor|6岁⟧，身高约110厘米，短发，身穿红色上衣，就读⟦school|江北区阳光幼儿园⟧，11月23日16时在江北公园附近走失。如有线索请致电110。',
    },
    {
      title: '寻找老人',
      text: '走失老人⟦name|王桂英⟧，女，78岁，身高158厘米，患有阿尔茨海默症，11月22日9时从江南区家中走失。联系电话：⟦phone|86547890⟧，家属手机⟦phone|+86 139-0013-9000⟧。',
    },
    {
      title: '校园安全提示',
      text: '中小学生寒假将至，请广大家长加强监护。未满16周岁不得驾驶电动自行车，12周岁以下儿童不得骑行上路。《未成年人保护法》规定，不得侵害儿童权益。民警走进辖区中小学、幼儿园开展反诈宣传，全市各小学、部分民办学校门口设立护学岗。滨江警察学院、滨江大学也组织了演练。青少年宫活动照常。',
    },
    {
      title: '银行卡',
      text: '受害人李某向⟦bank-card|6222 0212 3456 7890 128⟧、⟦bank-card|4111111111111111⟧两个账户转账共计35.6万元。警方已冻结尾号为1234的账户，卡号6222****1234。',
    },
    {
      title: '全角数字与零散空格',
      text: '身份证号：⟦id-card|１１０１０１１９９００３０７４５１４⟧，又作 ⟦id-card|110101 19900307 4514⟧、⟦id-card|110101-1990-0307-4514⟧；电话⟦phone|１３８－１２３４－５６７８⟧；旧证号⟦id-card|110101900307451⟧；车牌⟦plate|浙Ａ１２３４５⟧。',
    },
    {
      title: '案件编号与日期不是号码',
      text: '立案编号：331001202611240、流水号110101900307451。滨公（刑）立字〔2026〕117号，DL-2026-0117。2026-11-24 10:30:00，2026.11.24—2026.12.24，坐标30.274084,120.155070，温度-3至12℃，缴获现金1,380,000元，比特币0.00123456个。统一社会信用代码91330100MA27W1234X，ISBN 978-7-111-12345-6。',
    },
    {
      title: '热线栏',
      field: 'hotline',
      text: '110、96110（反诈专线），值班电话0571-87654321，12389',
    },
    { title: '热线栏里的手机', field: 'hotline', text: '110，李警官⟦phone|13812345678⟧' },
    {
      title: '团伙案件',
      text: '警方打掉一个以⟦name|赵志强⟧（男，41岁）为首的犯罪团伙，抓获⟦name|钱进⟧、⟦name|孙立军⟧、周某某等12名犯罪嫌疑人，扣押涉案车辆⟦plate|粤B·12345⟧、粤Z·****港。被告人⟦name|吴用⟧被判处有期徒刑三年。',
    },
    {
      title: '特种号牌',
      text: '警车⟦plate|浙A1234警⟧、教练车⟦plate|浙A1234学⟧、领馆车⟦plate|沪A1234领⟧到场。川A座、京B楼、浙江A级景区、新A级防护、鲁A股不是号牌。',
    },
    {
      title: 'A notice without names',
      text: 'At about 9 p.m. on November 20, 2026, officers of the Binjiang Municipal Public Security Bureau were called to a shop in Changjiang Road, Jiangbei District. A 35-year-old suspect surnamed Li was arrested at the scene. The victim, a 42-year-old woman surnamed Wang, is in Binjiang People’s Hospital and out of danger. The suspect is being held by the Jiangbei Branch. Anyone with information should call 110 or +86 12345. The driver of the truck was not hurt. The court will hear the case on Monday, November 30.',
    },
    {
      title: 'A notice with everything in it',
      text: 'The suspect, ⟦name|Li Jianguo⟧, 35 (ID number ⟦id-card|110101 199003074514⟧), attacked the victim, ⟦name|Ouyang Wen⟧, and fled in a grey car with the licence plate ⟦plate|浙A·12345⟧. Witness ⟦name|John Smith⟧ called the police. Call Officer Wang at ⟦phone|+86 138 1234 5678⟧ or ⟦phone|+44 20 7946 0958⟧.',
    },
    {
      title: 'English plates',
      text: 'Police look for a white van, plate number ⟦plate|A12345⟧, last seen near exit G2501, and for a car with the plate ⟦plate|Zhe A·12345⟧. A car whose plate begins with Zhe A is not described. License plates issued in 2026 remain valid; flight CA1831 was delayed.',
    },
    {
      title: 'Minors in English',
      text: 'A ⟦minor|16-year-old⟧ boy and a victim aged 45 were hurt near ⟦school|Binjiang No. 1 Primary School⟧. The victim, who is ⟦minor|15 years old⟧, goes to ⟦school|Xiaoshan High School⟧. The ⟦minor|minor’s⟧ parents were told. Two ⟦minor|girls⟧, ⟦minor|aged 12⟧, saw it.',
    },
    {
      title: 'Words that only look like minors',
      text: 'Two people had minor injuries after a minor collision. Children under 12 must not ride alone, and nobody under the age of 16 may drive an e-bike. Officers visited primary schools and every high school in the district. Tickets are free for children aged 6 or under. The juvenile court sits on Friday. The search lasted 15 years; the company is 12 years in business. On November 15, 2026, Police closed two roads.',
    },
    {
      title: 'English names with and without a reason',
      text: '⟦name|Zhang Wei⟧, the main suspect, was detained on Friday. A woman identified as ⟦name|Maria Garcia Lopez⟧ is a witness. Police arrested ⟦name|Wang Xiaoming⟧ at Gulou Square. The suspect Li Moumou was handed to the Jiangbei District People’s Procuratorate. The suspects fled to Hong Kong. The victim lives in Xincheng District. Suspects Beware is the name of the campaign.',
    },
    {
      title: 'Frauds in English',
      text: 'Hang up and call 110, or 96110 for fraud. Banks call from 95588 or 400-820-8820 only. Never move money to card ⟦bank-card|6222 0212 3456 7890 128⟧. Losses reached 13800000000 yuan; reference number 6222021234567894; case 1101019003074514. See https://example.org/13812345678. The victim downloaded WeChat Pay and Alipay Wallet.',
    },
  ];
